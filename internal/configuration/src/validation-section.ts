import { z } from 'zod'
import { key, strings, text } from './key.ts'

const hosts = key(
  z.array(text).min(1),
  '`example.com` or `*.example.com`; one that is listed may be private. Default: any that is not private.',
)
const denyPrivate = key(z.boolean(), 'Refuse private networks, this machine and metadata services.', true)

/** What the validator knows values to mean. */
const argument = z.union([
  z.strictObject({
    kind: z.literal('path').meta({ description: 'A path that must not climb, and must not leave `root`.' }),
    root: key(text, 'An absolute directory of the server.'),
  }),
  z.strictObject({
    kind: z.literal('url').meta({ description: 'A URL, or a reference.' }),
    schemes: key(z.array(text).min(1), 'Default: `http` and `https`.'),
    hosts,
    denyPrivate,
    allowRelative: key(z.boolean(), 'Accept references without a scheme.', true),
  }),
  z.strictObject({
    kind: z.literal('host').meta({ description: 'The name or address of a host.' }),
    hosts,
    denyPrivate,
  }),
  z.strictObject({
    kind: z.literal('sql').meta({ description: 'SQL that a tool is meant to run.' }),
    readOnly: key(z.boolean(), 'One statement that only reads.', false),
  }),
  z.strictObject({
    kind: z.literal('command').meta({ description: 'A command that a tool is meant to run.' }),
    argv: key(z.boolean(), 'One argument, or an array of them, never text for a shell.', false),
    programs: key(z.array(text).min(1), 'The programs that may be named.'),
  }),
  z.strictObject({
    kind: z.literal('html').meta({ description: 'Markup.' }),
    scripts: key(z.boolean(), 'May it hold scripts?', true),
  }),
  z.strictObject({
    kind: z.enum(['text', 'string', 'identifier', 'regex', 'email', 'secret', 'opaque', 'description']).meta({
      description:
        '`string`: a short value, in which attacks are refused; `text`: free text, in which they are recorded; `secret` is never shown in a record; in `opaque` nothing is looked for but size.',
    }),
  }),
])

const mode = z.enum(['off', 'monitor', 'enforce'])
const modes = z.strictObject({
  rules: key(z.record(text, mode), 'By rule, such as `sql.union`.'),
  groups: key(z.record(text, mode), 'By group of rules, such as `sql`.'),
  tools: key(z.record(text, mode), 'By tool; one of an upstream is `server/tool`.'),
  kinds: key(z.record(text, mode), 'By kind of value.'),
})

const suppression = z.strictObject({
  rule: z.string().meta({ description: 'A rule, or a group with `.*`.' }),
  tool: key(text, 'A tool. Default: every one.'),
  pointer: key(z.string(), 'A JSON pointer into the arguments; `*` for any one step. Default: everywhere.'),
  reason: text.meta({ description: 'Why; it is written to the audit log.' }),
  expires: text.meta({ description: 'Until when, ISO 8601, at most a year ahead.' }),
})

const results = z.strictObject({
  secrets: key(
    z.enum(['off', 'monitor', 'redact']),
    'Secrets in results, of forms that are certain: a marker stands in their place, or they are recorded.',
    'redact',
  ),
  returnsSecrets: key(strings, 'Tools whose purpose is to hand out secrets.', []),
  neutraliseUnicode: key(z.boolean(), 'Take out text that is hidden by Unicode.', true),
})

/** The section `validation`: what is refused in requests, and what results may hold. */
export const validation = z.strictObject({
  preset: key(
    z.enum(['off', 'standard', 'strict']),
    'How much is refused: only sizes; shapes too; attack patterns too.',
    'standard',
  ),
  maxBodyBytes: key(z.int().min(1024).max(67_108_864), 'Bytes of a request.', 1_048_576),
  maxDepth: key(z.int().min(4).max(1000), 'Nesting of arrays and objects.', 64),
  blockedAddresses: key(strings, 'CIDR blocks that are refused before anything is looked at.', []),
  tools: key(
    z.record(text, z.record(z.string().regex(/^\//, 'must be a JSON pointer such as /path'), argument)),
    'What arguments mean, by tool and JSON pointer. A tool of an upstream is `server/tool`.',
  ),
  modes: key(
    modes,
    'Modes that differ from the preset: a rule stands before its group, a group before the tool, the tool before the kind.',
  ),
  suppressions: key(z.array(suppression), 'Findings that are not enforced for a time.', []),
  results: key(results, 'What is looked for in results.'),
})
