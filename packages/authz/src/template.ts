import { ANY, type Token } from './glob.ts'
import { uriTokens } from './grant.ts'
import type { Matcher, ResourcePattern } from './matcher.ts'
import { resourceCovers, resourcesMeet } from './matcher.ts'
import { isSafeName } from './name.ts'
import { ANY_MARK, canonicalUriPattern, RUN_MARK } from './uri.ts'

/**
 * An RFC 6570 template as a pattern: `{x}` escapes every slash, so it is `*`; an expression with an operator (`{+x}`, `{/x*}`, `{?q}`) is `**`.
 * Undefined for a template that is malformed or whose expansions are all refused.
 */
export function templateTokens(uriTemplate: string): readonly Token[] | undefined {
  if (!isSafeName(uriTemplate) || uriTemplate.includes(RUN_MARK) || uriTemplate.includes(ANY_MARK)) return undefined
  let marked = ''
  let at = 0
  while (at < uriTemplate.length) {
    const open = uriTemplate.indexOf('{', at)
    const end = open < 0 ? uriTemplate.length : open
    const literal = uriTemplate.slice(at, end)
    if (literal.includes('}')) return undefined
    marked += literal
    if (open < 0) break
    const close = uriTemplate.indexOf('}', open)
    if (close < open + 2) return undefined
    marked += isSimpleExpression(uriTemplate.slice(open + 1, close)) ? RUN_MARK : ANY_MARK
    at = close + 1
  }
  // Whatever comes first could be the scheme, so the whole URI is open.
  if (uriTemplate.startsWith('{')) return [ANY]
  const canonical = canonicalUriPattern(marked)
  return canonical === undefined ? undefined : uriTokens(canonical)
}

/** RFC 6570 section 3.2.2: no operator. */
function isSimpleExpression(expression: string): boolean {
  const code = expression.charCodeAt(0) | 0x20
  return (code >= 0x61 && code <= 0x7a) || expression[0] === '_' || (code >= 0x30 && code <= 0x39)
}

/** True if some expansion of the template is allowed: an allow meets it, and no deny covers the template or that allow as a whole. */
export function isTemplateAllowed(allow: Matcher, deny: Matcher, server: string, template: readonly Token[]): boolean {
  if (deny.everything('resource') !== undefined) return false
  const denied = deny.resourcePatterns(server)
  const isDenied = (tokens: readonly Token[]): boolean => denied.some((line) => resourceCovers(line.tokens, tokens))
  if (isDenied(template)) return false
  if (allow.everything('resource') !== undefined) return true
  const open = (line: ResourcePattern): boolean => resourcesMeet(line.tokens, template) && !isDenied(line.tokens)
  return allow.resourcePatterns(server).some(open)
}
