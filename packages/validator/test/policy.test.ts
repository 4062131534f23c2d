import { describe, expect, it } from 'vitest'
import { createValidator, type Finding, scoreOf, toSarif, type ValidatorOptions } from '../src/index.ts'

const ATTACK = "1' OR '1'='1"
const enforced = (
  options: ValidatorOptions,
  args: unknown = { name: ATTACK },
  tool = 'find',
  server = 'local',
): string[] => {
  const tools = { find: { '/name': { kind: 'string' } }, 'crm/find': { '/name': { kind: 'string' } } } as const
  return createValidator({ tools, ...options })
    .checkCall({ server, tool, arguments: args })
    .filter((finding) => finding.enforced)
    .map(({ ruleId }) => ruleId)
}

describe('modes', () => {
  it('a judgement is enforced where the kind is declared, recorded where it is not', () => {
    expect(enforced({})).toContain('sql.tautology')
    expect(enforced({}, { other: ATTACK })).toEqual([])
    const recorded = createValidator().checkCall({ server: 'local', tool: 'x', arguments: { other: ATTACK } })
    expect(recorded.map(({ ruleId }) => ruleId)).toContain('sql.tautology')
  })

  it('what a name suggests is recorded', () => {
    const findings = createValidator().checkCall({
      server: 'local',
      tool: 'x',
      arguments: { filePath: '../../etc/passwd', url: 'http://169.254.169.254/', note: 'fine' },
    })
    expect(findings.map(({ ruleId, pointer, enforced: refuse }) => [ruleId, pointer, refuse])).toEqual(
      expect.arrayContaining([
        ['path.traversal', '/filePath', false],
        ['url.private', '/url', false],
      ]),
    )
    expect(findings.some((finding) => finding.enforced)).toBe(false)
  })

  it('rule before group before tool before kind before preset', () => {
    expect(enforced({ modes: { kinds: { string: 'monitor' } } })).toEqual([])
    expect(enforced({ modes: { kinds: { string: 'monitor' }, tools: { find: 'enforce' } } })).toContain('sql.tautology')
    expect(enforced({ modes: { tools: { find: 'enforce' }, groups: { sql: 'off' } } })).toEqual([])
    expect(enforced({ modes: { groups: { sql: 'off' }, rules: { 'sql.tautology': 'enforce' } } })).toEqual([
      'sql.tautology',
    ])
    expect(enforced({ modes: { tools: { 'crm/find': 'off' } } }, undefined, 'find', 'crm')).toEqual([])
    expect(enforced({ modes: { tools: { find: 'off' } } }, undefined, 'find', 'crm')).not.toEqual([])
  })

  it('judgements refuse together: below the threshold they are recorded', () => {
    const weak = { name: '<td class=x>' }
    expect(enforced({}, weak)).toEqual(['html.tag'])
    expect(enforced({ threshold: 4 }, weak)).toEqual([])
    expect(enforced({ threshold: 100 })).toEqual([])
    expect(enforced({ threshold: 100 }, { name: 'a\u{e0041}' })).toEqual(['unicode.tags'])
  })

  it.each<[string, unknown]>([
    ['an unknown field', { other: {} }],
    ['an unknown rule', { rules: { 'sql.none': 'off' } }],
    ['an unknown group', { groups: { sqli: 'off' } }],
    ['an unknown kind', { kinds: { sheet: 'off' } }],
    ['an unknown mode', { rules: { 'sql.union': 'block' } }],
    ['a rule that protects the process', { rules: { 'json.size': 'monitor' } }],
    ['no table', { rules: null }],
  ])('refuses %s', (_, modes) => {
    expect(() => createValidator({ modes: modes as never })).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
    )
  })
})

describe('explain', () => {
  it('says what is done about a rule, and why', () => {
    const validator = createValidator({ modes: { groups: { html: 'monitor' }, tools: { find: 'off' } } })
    expect(validator.explain('sql.union')).toMatchObject({
      group: 'sql',
      certain: false,
      owasp: 'MCP05',
      mode: { declared: 'enforce', undeclared: 'monitor' },
      decidedBy: 'preset',
    })
    expect(validator.explain('html.tag')).toMatchObject({
      mode: { declared: 'monitor', undeclared: 'monitor' },
      decidedBy: 'group',
    })
    expect(validator.explain('sql.union', { tool: 'find' })).toMatchObject({
      mode: { declared: 'off' },
      decidedBy: 'tool',
    })
    expect(validator.explain('json.size')).toMatchObject({
      mode: { declared: 'enforce', undeclared: 'enforce' },
      decidedBy: 'always',
    })
    expect(validator.explain('prompt.override')).toMatchObject({ mode: { declared: 'monitor' } })
    expect(() => validator.explain('sql.none')).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_RULE' }))
  })
})

describe('suppressions', () => {
  const start = Date.parse('2026-01-01')
  const suppression = {
    rule: 'sql.*',
    tool: 'find',
    pointer: '/name',
    reason: 'search syntax, ticket 7',
    expires: '2026-02-01',
  }
  const at = (nowMs: number, more: object = {}, args: unknown = { name: ATTACK }) => {
    let clock = start
    const validator = createValidator({
      tools: { find: { '/name': { kind: 'string' }, '/tags/*': { kind: 'string' } } },
      suppressions: [{ ...suppression, ...more }],
      now: () => clock,
    })
    clock = nowMs
    return validator.checkCall({ server: 'local', tool: 'find', arguments: args })
  }

  it('takes the enforcement away until it expires, and says so', () => {
    const during = at(start)
    expect(during.some((finding) => finding.enforced)).toBe(false)
    expect(during[0]).toMatchObject({ suppressed: 'search syntax, ticket 7' })
    expect(at(Date.parse('2026-01-31T23:59:59Z')).some((finding) => finding.enforced)).toBe(false)
    expect(at(Date.parse('2026-02-01')).some((finding) => finding.enforced)).toBe(true)
  })

  it('is for one rule, one tool and one place', () => {
    expect(at(start, { rule: 'html.*' }).some((finding) => finding.enforced)).toBe(true)
    expect(at(start, { tool: 'other' }).some((finding) => finding.enforced)).toBe(true)
    expect(at(start, { pointer: '/other' }).some((finding) => finding.enforced)).toBe(true)
    expect(at(start, { pointer: '/tags/*' }, { tags: [ATTACK] }).some((finding) => finding.enforced)).toBe(false)
    expect(at(start, { pointer: undefined, tool: undefined }).some((finding) => finding.enforced)).toBe(false)
  })

  it.each<[string, object]>([
    ['no reason', { reason: '' }],
    ['no end', { expires: 'never' }],
    ['an end in many years', { expires: '2031-01-01' }],
    ['an unknown rule', { rule: 'sql.none' }],
    ['every rule', { rule: '*' }],
    ['a broken pointer', { pointer: 'name' }],
    ['an unknown field', { other: 1 }],
  ])('refuses one with %s', (_, more) => {
    expect(() => at(start, more)).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }))
  })
})

describe('toSarif', () => {
  it('writes findings as SARIF 2.1.0', () => {
    const findings = createValidator().checkValue(ATTACK, 'string')
    const log = toSarif(findings.map((finding) => ({ ...finding, place: 'local/find' }))) as {
      version: string
      runs: [
        {
          tool: { driver: { rules: { id: string }[] } }
          results: {
            ruleId: string
            ruleIndex: number
            level: string
            locations: [{ logicalLocations: [{ fullyQualifiedName: string }] }]
          }[]
        },
      ]
    }
    expect(log.version).toBe('2.1.0')
    const [run] = log.runs
    for (const result of run.results) expect(run.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId)
    expect(run.results[0]).toMatchObject({
      level: 'error',
      locations: [{ logicalLocations: [{ fullyQualifiedName: 'local/find#' }] }],
    })
    expect(JSON.parse(JSON.stringify(log))).toEqual(log)
  })

  it('keeps suppressions, and rules of the user', () => {
    const finding: Finding = {
      ruleId: 'user.x',
      severity: 'low',
      confidence: 'high',
      kind: 'text',
      pointer: '/a',
      excerpt: '',
      message: 'm',
      enforced: false,
      suppressed: 'why',
    }
    expect(JSON.stringify(toSarif([finding]))).toContain('"justification":"why"')
  })
})

it('scoreOf adds severities', () => {
  const finding = (severity: Finding['severity']): Finding => ({
    ruleId: 'x',
    severity,
    confidence: 'low',
    kind: 'text',
    pointer: '',
    excerpt: '',
    message: '',
    enforced: true,
  })
  expect(scoreOf((['low', 'medium', 'high', 'critical'] as const).map(finding))).toBe(17)
  expect(scoreOf([])).toBe(0)
})
