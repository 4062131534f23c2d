import type { Finding } from '../types.ts'
import { RULES, type RuleId } from './rules.ts'

/** Where a finding was: a label of the caller's own, such as `server/tool` or the name of a corpus file. */
export interface LocatedFinding extends Finding {
  readonly place?: string
}

const LEVELS = { low: 'note', medium: 'warning', high: 'error', critical: 'error' } as const
const SCORES = { low: '3.0', medium: '5.0', high: '8.0', critical: '9.5' } as const

/** A SARIF 2.1.0 log (OASIS) of findings, for code scanning of tool policies and corpora. What was found stays redacted. */
export function toSarif(findings: readonly LocatedFinding[], version = '0.0.0'): object {
  const ids = [...new Set(findings.map(({ ruleId }) => ruleId))]
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'portcullis-validator',
            version,
            rules: ids.map((id) => {
              const rule = Object.hasOwn(RULES, id) ? RULES[id as RuleId] : undefined
              const severity = rule?.severity ?? findings.find(({ ruleId }) => ruleId === id)?.severity ?? 'medium'
              return {
                id,
                shortDescription: {
                  text: rule?.message ?? findings.find(({ ruleId }) => ruleId === id)?.message ?? id,
                },
                defaultConfiguration: { level: LEVELS[severity] },
                properties: {
                  'security-severity': SCORES[severity],
                  tags: [
                    'security',
                    ...(rule === undefined ? ['user'] : [rule.group]),
                    ...(rule !== undefined && 'owasp' in rule ? [`owasp-mcp/${String(rule.owasp)}`] : []),
                  ],
                },
              }
            }),
          },
        },
        results: findings.map((finding) => ({
          ruleId: finding.ruleId,
          ruleIndex: ids.indexOf(finding.ruleId),
          level: finding.enforced ? LEVELS[finding.severity] : 'note',
          kind: finding.enforced ? 'fail' : 'review',
          message: { text: finding.message },
          locations: [
            {
              logicalLocations: [
                {
                  fullyQualifiedName: `${finding.place ?? ''}${finding.pointer === '' ? '#' : `#${finding.pointer}`}`,
                  kind: 'member',
                },
              ],
            },
          ],
          ...(finding.suppressed === undefined
            ? {}
            : { suppressions: [{ kind: 'external', justification: finding.suppressed }] }),
          properties: {
            kind: finding.kind,
            confidence: finding.confidence,
            excerpt: finding.excerpt,
            ...(finding.decodings === undefined ? {} : { decodings: finding.decodings }),
          },
        })),
      },
    ],
  }
}
