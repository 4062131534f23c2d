import { ValidatorError } from '../errors.ts'
import { ALWAYS, RULES, type RuleId, type RuleInfo } from '../findings/rules.ts'
import { isValueKind } from '../kinds/compile.ts'
import type { Mode, Modes, Preset, RuleExplanation, RuleGroup, UserRule, ValueKind } from '../types.ts'

/** Where a rule looks. */
export interface Place {
  /** `server/tool`. */
  readonly tool?: string
  readonly kind?: ValueKind
  /** Somebody said what the value means, other than free text. */
  readonly declared: boolean
}

export interface ModeTable {
  resolve(ruleId: string, place: Place): Mode
  explain(ruleId: string, place: { readonly tool?: string; readonly kind?: ValueKind }): RuleExplanation
  info(ruleId: string): RuleInfo
}

const MODES: readonly Mode[] = ['off', 'monitor', 'enforce']
const GROUPS = new Set<string>([...Object.values(RULES).map(({ group }) => group), 'user'])

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS for a rule, group or kind that there is not, or a rule that cannot be turned down */
export function compileModes(preset: Preset, modes: Modes, userRules: readonly UserRule[]): ModeTable {
  const fail = (problem: string): never => {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `modes${problem}`)
  }
  const users = new Map(userRules.map((rule) => [rule.id, rule]))
  const { rules = {}, groups = {}, tools = {}, kinds = {}, ...unknown } = modes
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(` have an unknown field ${JSON.stringify(field)}`)
  for (const [name, table] of Object.entries({ rules, groups, tools, kinds })) {
    if (typeof table !== 'object' || table === null) fail(`.${name} must be an object`)
    for (const [key, mode] of Object.entries(table)) {
      const place = `.${name}[${JSON.stringify(key)}]`
      if (!MODES.includes(mode as Mode)) fail(`${place} must be one of ${MODES.join(', ')}`)
      if (name === 'rules' && !Object.hasOwn(RULES, key) && !users.has(key)) fail(`${place}: there is no such rule`)
      if (name === 'rules' && ALWAYS.has(key) && mode !== 'enforce')
        fail(`${place}: this rule protects the process and is always enforced`)
      if (name === 'groups' && !GROUPS.has(key)) fail(`${place}: there is no such group`)
      if (name === 'kinds' && !isValueKind(key)) fail(`${place}: there is no such kind`)
    }
  }
  const info = (ruleId: string): RuleInfo => {
    if (Object.hasOwn(RULES, ruleId)) return RULES[ruleId as RuleId]
    const user = users.get(ruleId)
    if (user !== undefined)
      return { group: 'user', severity: user.severity, confidence: 'high', certain: true, message: user.message }
    throw new ValidatorError('ERR_VALIDATOR_RULE', `there is no rule ${JSON.stringify(ruleId)}`)
  }
  const own = <T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined =>
    key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
  const decide = (ruleId: string, { tool, kind, declared }: Place): readonly [Mode, RuleExplanation['decidedBy']] => {
    if (ALWAYS.has(ruleId)) return ['enforce', 'always']
    const rule = info(ruleId)
    const byRule = own(rules as Record<string, Mode>, ruleId)
    if (byRule !== undefined) return [byRule, 'rule']
    const byGroup = own(groups as Record<string, Mode>, rule.group)
    if (byGroup !== undefined) return [byGroup, 'group']
    if (preset === 'off') return ['off', 'preset']
    const byTool = own(tools, tool) ?? own(tools, tool?.startsWith('local/') ? tool.slice(6) : undefined)
    if (byTool !== undefined) return [byTool, 'tool']
    const byKind = own(kinds as Record<string, Mode>, kind)
    if (byKind !== undefined) return [byKind, 'kind']
    return [byPreset(preset, rule, declared, users.get(ruleId)), 'preset']
  }
  return {
    info,
    resolve: (ruleId, place) => decide(ruleId, place)[0],
    explain(ruleId, place) {
      const { group, severity, confidence, certain, message, owasp } = info(ruleId)
      const [declared, decidedBy] = decide(ruleId, { ...place, declared: true })
      const [undeclared] = decide(ruleId, { ...place, declared: false })
      return {
        ruleId,
        group,
        severity,
        confidence,
        certain,
        message,
        ...(owasp === undefined ? {} : { owasp }),
        mode: { declared, undeclared },
        decidedBy,
      }
    },
  }
}

/** What is certain is enforced; a judgement is, where the kind was declared; the four patterns are in every string with `strict`. Wording is only recorded. */
function byPreset(preset: Preset, { group, certain }: RuleInfo, declared: boolean, user: UserRule | undefined): Mode {
  if (user !== undefined) return user.mode
  if (group === 'prompt') return 'monitor'
  if (certain || declared) return 'enforce'
  return preset === 'strict' && (group as RuleGroup) === 'tripwire' ? 'enforce' : 'monitor'
}
