import { createCollector } from './collector.ts'
import { ValidatorError } from './errors.ts'
import { scanJson } from './json-guard.ts'
import { readOptions } from './options.ts'
import { measureResult } from './result.ts'
import { checkPaths, compileTools } from './tool-arguments.ts'
import type { Validator, ValidatorOptions, ValueKind } from './types.ts'
import { type PatternMode, walkValue } from './value-walk.ts'

const KINDS: readonly ValueKind[] = ['text', 'string']

/**
 * Makes a validator. Presets: `standard` enforces size, depth and shape and records patterns; `strict` enforces the patterns in every string and key;
 * `off` keeps only the bounds that protect the process: size, depth and syntax of texts, size of results.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS for an option that is unknown or out of its range
 */
export function createValidator(options: ValidatorOptions = {}): Validator {
  const settings = readOptions(options)
  const { preset } = settings
  const tools = compileTools(settings.tools)
  const inCalls = (kind: ValueKind): PatternMode => {
    if (preset === 'off') return 'skip'
    return preset === 'strict' || kind === 'string' ? 'enforce' : 'record'
  }
  // What is only recorded is no answer to "what would be enforced".
  const inValues = (kind: ValueKind): PatternMode => (inCalls(kind) === 'enforce' ? 'enforce' : 'skip')
  return {
    checkText(raw) {
      const out = createCollector(settings)
      if (typeof raw === 'string') scanJson(raw, settings, out)
      else out.add({ ruleId: 'json.syntax', kind: 'json', detail: 'it is no text' })
      return out.findings
    },
    checkValue(value, kind = 'text') {
      if (!KINDS.includes(kind)) {
        throw new ValidatorError(
          'ERR_VALIDATOR_KIND',
          `kind ${JSON.stringify(kind)} is not known; known: ${KINDS.join(', ')}`,
        )
      }
      const out = createCollector(settings)
      walkValue(value, undefined, kind, { kind, patterns: inValues }, settings, out)
      return out.findings
    },
    checkCall(call) {
      const out = createCollector(settings)
      const tool = tools.get(`${call.server}/${call.tool}`)
      if (tool !== undefined) checkPaths(call.arguments, tool, out)
      walkValue(
        call.arguments,
        tool?.schema ?? call.schema,
        'text',
        { kind: 'arguments', patterns: inCalls },
        settings,
        out,
      )
      return out.findings
    },
    checkResult(answer) {
      const out = createCollector(settings)
      measureResult(answer, settings, out)
      return out.findings
    },
  }
}
