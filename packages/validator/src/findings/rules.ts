import type { Confidence, RuleGroup, Severity } from '../types.ts'

export interface RuleInfo {
  readonly group: RuleGroup
  readonly severity: Severity
  readonly confidence: Confidence
  /** True: what it says is so, and it is enforced by default. False: a judgement, enforced only where the kind of the value was declared. */
  readonly certain: boolean
  /** The risk of the OWASP MCP Top 10 (beta) that it belongs to. */
  readonly owasp?: string
  readonly message: string
}

const MEANS = { l: 'low', m: 'medium', h: 'high', c: 'critical' } as const
type Letter = keyof typeof MEANS

/** Severity and confidence as two letters. */
const certain = (
  group: RuleGroup,
  levels: `${Letter}${Exclude<Letter, 'c'>}`,
  message: string,
  owasp?: string,
): RuleInfo => ({
  group,
  severity: MEANS[levels[0] as Letter],
  confidence: MEANS[levels[1] as 'l' | 'm' | 'h'],
  certain: true,
  message,
  ...(owasp === undefined ? {} : { owasp }),
})
const judged = (
  group: RuleGroup,
  levels: `${Letter}${Exclude<Letter, 'c'>}`,
  message: string,
  owasp?: string,
): RuleInfo => ({
  ...certain(group, levels, message, owasp),
  certain: false,
})

/** Every built-in rule by its stable id. */
export const RULES = {
  'json.size': certain('json', 'hh', 'the text is larger than is accepted'),
  'json.syntax': certain('json', 'mh', 'the text is not JSON'),
  'json.depth': certain('json', 'hh', 'arrays and objects are nested deeper than is accepted'),
  'json.keys': certain('json', 'mh', 'there are more keys than are accepted'),
  'json.nodes': certain('json', 'hh', 'there are more values and keys than are accepted'),
  'json.string_size': certain('json', 'mh', 'a string is longer than is accepted'),
  'json.key_size': certain('json', 'mh', 'a key is longer than is accepted'),
  'json.array_length': certain('json', 'mh', 'an array has more elements than are accepted'),
  'json.duplicate_key': certain(
    'json',
    'hh',
    'a key stands twice in one object; parsers differ in which one they keep',
  ),
  'json.prototype_key': certain('json', 'hh', 'a key reaches for an object prototype', 'MCP05'),
  'json.lone_surrogate': certain('json', 'mh', 'a string holds half of a surrogate pair, which UTF-8 cannot carry'),
  'json.number': certain('json', 'lh', 'a number would be changed by parsing it'),
  'value.too_long': certain('value', 'mh', 'the value is longer than a value of its kind is'),
  'value.control': certain('value', 'mh', 'the value holds control characters'),
  'value.layers': certain('value', 'mm', 'the value is still encoded after four rounds of decoding'),
  'value.malformed': certain('value', 'mh', 'the value is none of its kind'),
  'value.type': certain('value', 'mh', 'the value is no string'),
  'value.marker': certain(
    'value',
    'mh',
    'a marker for something that was redacted comes back as if it were the value',
    'MCP01',
  ),
  'unicode.tags': certain('unicode', 'hh', 'the text holds invisible tag characters', 'MCP06'),
  'unicode.variation': certain('unicode', 'hh', 'the text holds variation selectors that vary nothing', 'MCP06'),
  'unicode.zero_width': certain(
    'unicode',
    'hh',
    'the text holds characters without width where no script has them',
    'MCP06',
  ),
  'unicode.bidi': certain('unicode', 'hh', 'the text is shown in another order than it is read', 'MCP06'),
  'pattern.path_traversal': judged('tripwire', 'hm', 'the value climbs out of a directory', 'MCP05'),
  'pattern.script_tag': judged('tripwire', 'hm', 'the value opens a script element', 'MCP05'),
  'pattern.union_select': judged('tripwire', 'll', 'the value looks like SQL that appends a query', 'MCP05'),
  'pattern.eval_call': judged('tripwire', 'hm', 'the value calls eval', 'MCP05'),
  'sql.union': judged('sql', 'ch', 'the value appends a query with UNION SELECT', 'MCP05'),
  'sql.stacked': judged('sql', 'hm', 'the value begins another SQL statement', 'MCP05'),
  'sql.tautology': judged('sql', 'hm', 'the value adds a condition to a query', 'MCP05'),
  'sql.breakout': judged('sql', 'hm', 'the value ends a string or parenthesis of a query and goes on in SQL', 'MCP05'),
  'sql.function': judged('sql', 'hm', 'the value calls a function that probes or delays a database', 'MCP05'),
  'sql.catalog': judged('sql', 'hm', 'the value names tables or variables that describe a database', 'MCP05'),
  'sql.statement': judged('sql', 'hm', 'the value holds an SQL statement', 'MCP05'),
  'sql.not_read_only': certain('sql', 'hh', 'the statement may change something', 'MCP05'),
  'sql.many_statements': certain('sql', 'hh', 'there is more than one statement', 'MCP05'),
  'sql.system': certain(
    'sql',
    'ch',
    'the statement reaches for files, programs or the network of the database server',
    'MCP05',
  ),
  'html.element': judged('html', 'hm', 'the value opens an element that runs or loads something', 'MCP05'),
  'html.event_handler': judged('html', 'hh', 'the value holds an event handler', 'MCP05'),
  'html.script_url': judged('html', 'hh', 'the value holds a URL that runs as a script', 'MCP05'),
  'html.style': judged('html', 'hm', 'the value holds a style that runs or loads something', 'MCP05'),
  'html.tag': judged('html', 'mm', 'the value holds markup', 'MCP05'),
  'html.include': judged('html', 'hh', 'the value holds a server-side include', 'MCP05'),
  'html.active': certain('html', 'hh', 'the document holds scripts, handlers or script URLs', 'MCP05'),
  'shell.command': judged('shell', 'hm', 'the value runs a command', 'MCP05'),
  'shell.substitution': judged('shell', 'hm', 'the value has a shell replace a part of it', 'MCP05'),
  'shell.batch': judged('shell', 'mm', 'the value is a condition or loop of cmd.exe', 'MCP05'),
  'shell.function': judged('shell', 'ch', 'the value defines a shell function as exploits do', 'MCP05'),
  'shell.braces': judged('shell', 'mm', 'the value is put together by brace expansion', 'MCP05'),
  'shell.glob': judged('shell', 'mm', 'the value hides a path behind wildcards', 'MCP05'),
  'shell.destructive': certain(
    'shell',
    'ch',
    'the command opens a reverse shell, forks without end or deletes everything',
    'MCP05',
  ),
  'shell.metacharacter': certain('shell', 'hh', 'the argument holds characters that a shell acts on', 'MCP05'),
  'shell.program': certain('shell', 'hh', 'the program is not one of those that are allowed', 'MCP05'),
  'code.javascript': judged('code', 'hm', 'the value holds JavaScript', 'MCP05'),
  'code.php': judged('code', 'hm', 'the value holds PHP', 'MCP05'),
  'code.java': judged('code', 'hm', 'the value reaches for classes of a runtime', 'MCP05'),
  'code.jndi': judged('code', 'ch', 'the value holds a look-up of a logging or naming service', 'MCP05'),
  'code.template': judged('code', 'hm', 'the value holds an expression of a template engine', 'MCP05'),
  'code.call': judged('code', 'ml', 'the value calls a function', 'MCP05'),
  'xml.entity': judged('xml', 'ch', 'the XML defines entities or names an external document type', 'MCP05'),
  'xml.document': judged('xml', 'mm', 'the value is an XML document', 'MCP05'),
  'nosql.operator': judged('nosql', 'hm', 'the value holds an operator of a query language', 'MCP05'),
  'nosql.operator_key': judged('nosql', 'hm', 'a key is an operator of a query language', 'MCP05'),
  'ldap.filter': judged('protocol', 'hm', 'the value ends one LDAP filter and begins another', 'MCP05'),
  'protocol.header': judged('protocol', 'hm', 'a line end with a header behind it', 'MCP05'),
  'protocol.mail': judged('protocol', 'mm', 'the value holds a command of SMTP', 'MCP05'),
  'path.traversal': certain('path', 'hh', 'the path climbs out of where it begins', 'MCP05'),
  'path.encoded': certain('path', 'hh', 'the path is encoded', 'MCP05'),
  'path.system': certain('path', 'hm', 'the path leads to files of the system', 'MCP05'),
  'path.form': certain('path', 'hm', 'the path is written as only attacks write paths', 'MCP05'),
  'path.scheme': certain('path', 'hh', 'the path is a URL or a share of another machine', 'MCP05'),
  'path.sensitive': judged('path', 'hm', 'the value names a file with secrets or settings of the system', 'MCP05'),
  'argument.outside_root': certain('path', 'hh', 'a path leads out of the directory that it must stay in', 'MCP05'),
  'url.malformed': certain('url', 'mh', 'the value is no URL, or parsers differ about it', 'MCP05'),
  'url.scheme': certain('url', 'hh', 'the scheme of the URL is not one of those that are allowed', 'MCP05'),
  'url.host': certain('url', 'hh', 'the host of the URL is not one of those that are allowed', 'MCP05'),
  'url.userinfo': certain('url', 'hh', 'the URL holds a user name, which hides its host', 'MCP05'),
  'url.private': certain(
    'url',
    'hh',
    'the URL leads into a private network, to this machine or to a metadata service',
    'MCP05',
  ),
  'url.inner_host': judged(
    'url',
    'hm',
    'the value names a host of a private network, this machine or a metadata service',
    'MCP05',
  ),
  'url.include': certain('url', 'mm', 'the URL is made for a program that appends to it', 'MCP05'),
  'regex.backtracking': certain('regex', 'mh', 'matching the expression can take exponential time'),
  'prompt.override': judged('prompt', 'ml', 'the text tells a model to disregard its instructions', 'MCP06'),
  'prompt.persona': judged('prompt', 'ml', 'the text gives a model a part that has no rules', 'MCP06'),
  'prompt.exfiltrate': judged('prompt', 'ml', 'the text asks a model for its instructions or secrets', 'MCP06'),
  'description.concealed': judged('description', 'hm', 'the description tells a model to act behind the user', 'MCP03'),
  'description.hijack': judged(
    'description',
    'hm',
    'the description tells a model what to do before or besides using the tool',
    'MCP03',
  ),
  'description.secrets': judged(
    'description',
    'hm',
    'the description sends a model to files or values that hold secrets',
    'MCP03',
  ),
  'schema.mismatch': certain('schema', 'mh', 'the value does not fit its schema'),
  'schema.unusable': certain('schema', 'mh', 'the schema cannot be used'),
  'result.size': certain('result', 'hh', 'the result is larger than is accepted'),
  'result.depth': certain('result', 'mh', 'the result is nested deeper than requests may be'),
  'result.secret': certain('result', 'hh', 'the result holds a secret', 'MCP01'),
  'result.secret_like': judged('result', 'mm', 'the result holds what may be a secret', 'MCP01'),
} as const satisfies Record<string, RuleInfo>

export type RuleId = keyof typeof RULES

/** What stays enforced whatever the preset. */
export const ALWAYS: ReadonlySet<string> = new Set<RuleId>([
  'json.size',
  'json.syntax',
  'json.depth',
  'json.nodes',
  'argument.outside_root',
  'result.size',
])
