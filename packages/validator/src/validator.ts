import { ValidatorError } from './errors.ts'
import { type Collector, createCollector } from './findings/collector.ts'
import { scanJson } from './json/guard.ts'
import { type CompiledKind, compileKind, isValueKind, VALUE_KINDS } from './kinds/compile.ts'
import { compileTools } from './kinds/plan.ts'
import { readOptions, type Settings } from './options.ts'
import { measureResult } from './results/measure.ts'
import { protectResult } from './results/protect.ts'
import type { Finding, ResultToCheck, Validator, ValidatorOptions } from './types.ts'
import { walkValue } from './walk.ts'

/**
 * Makes a validator. Presets: `standard` enforces what is certain everywhere and judgements where the kind of a value was declared, and records the rest; `strict` enforces
 * the specification's four patterns in every string and key as well; `off` keeps only the bounds that protect the process: size, depth and syntax of texts, size of results.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS for an option that is unknown or out of its range
 */
export function createValidator(options: ValidatorOptions = {}): Validator {
  const settings = readOptions(options)
  const tools = compileTools(settings.tools)
  const lookThrough = (answer: ResultToCheck, replace: boolean) => {
    const out = createCollector(settings, `${answer.server}/${answer.tool ?? ''}`)
    measureResult(answer, settings, out)
    // What is too large or too deep is not walked: it will not be sent.
    const refused = out.findings.some(({ enforced }) => enforced)
    if (!refused) checkOutput(answer, settings, out)
    const withheld = out.findings.some(({ enforced }) => enforced)
    const result = refused || settings.preset === 'off' ? answer.result : protectResult(answer, settings, out, replace)
    return { result, withheld, findings: out.findings as readonly Finding[] }
  }
  return {
    checkText(raw) {
      const out = createCollector(settings)
      if (typeof raw === 'string') scanJson(raw, settings, out)
      else out.add({ ruleId: 'json.syntax', kind: 'json', detail: 'it is no text' })
      return out.findings
    },
    checkValue(value, kind = 'text') {
      const compiled = readKind(kind)
      const out = createCollector(settings)
      walkValue(
        value,
        { about: compiled.kind, meaning: { kind: compiled, declared: compiled.kind !== 'text' }, record: false },
        settings,
        out,
      )
      // What is only recorded is no answer to "what would be enforced".
      return out.findings.filter(({ enforced }) => enforced)
    },
    checkCall({ server, tool, schema, arguments: args }) {
      const name = `${server}/${tool}`
      const out = createCollector(settings, name)
      const plan = tools.get(name)
      walkValue(
        args,
        {
          about: 'arguments',
          tool: name,
          ...(plan === undefined ? {} : { plan }),
          schema,
          meaning: { kind: { kind: 'text' }, declared: false },
          record: true,
        },
        settings,
        out,
      )
      // What is too large or too deep is not validated, nor what is refused already.
      if (!out.findings.some(({ enforced }) => enforced)) checkSchema(schema, args ?? {}, 'arguments', settings, out)
      return out.findings
    },
    checkResult: (answer) => lookThrough(answer, false).findings,
    protectResult(answer) {
      const { result, withheld, findings } = lookThrough(answer, true)
      return { result, changed: result !== answer.result, withheld, findings }
    },
    explain: (ruleId, { tool, kind } = {}) =>
      settings.modes.explain(ruleId, {
        ...(tool === undefined ? {} : { tool: tool.includes('/') ? tool : `local/${tool}` }),
        ...(kind === undefined ? {} : { kind }),
      }),
  }
}

/** With a validator of schemas, a value must fit the schema that is given; a schema that cannot be used refuses every value. */
function checkSchema(schema: unknown, value: unknown, kind: string, settings: Settings, out: Collector): void {
  if (settings.schemas === undefined || schema === undefined || settings.preset === 'off') return
  try {
    const answer = settings.schemas.check(schema, value)
    if (!answer.valid)
      out.add({ ruleId: 'schema.mismatch', kind, path: stepsOf(answer.pointer), detail: answer.message })
  } catch (error) {
    out.add({
      ruleId: 'schema.unusable',
      kind,
      detail: error instanceof ValidatorError ? error.message : 'it cannot be compiled or applied',
    })
  }
}

/** An error result has no structure to fit. */
function checkOutput({ result, outputSchema }: ResultToCheck, settings: Settings, out: Collector): void {
  if (outputSchema === undefined || typeof result !== 'object' || result === null) return
  const { structuredContent, isError } = result as { structuredContent?: unknown; isError?: unknown }
  if (isError !== true) checkSchema(outputSchema, structuredContent, 'result', settings, out)
}

const stepsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))

function readKind(kind: unknown): CompiledKind {
  if (typeof kind === 'object' && kind !== null) return compileKind(kind, 'kind')
  if (isValueKind(kind)) return { kind } as CompiledKind
  throw new ValidatorError(
    'ERR_VALIDATOR_KIND',
    `kind ${JSON.stringify(kind)} is not known; known: ${VALUE_KINDS.join(', ')}`,
  )
}
