export type Preset = 'off' | 'standard' | 'strict'

/**
 * What a value means to the tool. `text` is free text, documents, code; `string` a name or another short value; `description` what a tool says of itself; `secret` is never shown; in
 * `opaque` nothing is looked for but size and shape. The others are what they say.
 */
export type ValueKind =
  | 'text'
  | 'string'
  | 'identifier'
  | 'path'
  | 'url'
  | 'host'
  | 'sql'
  | 'command'
  | 'html'
  | 'regex'
  | 'email'
  | 'secret'
  | 'opaque'
  | 'description'

export type Severity = 'low' | 'medium' | 'high' | 'critical'
export type Confidence = 'low' | 'medium' | 'high'

/** `enforce`: refuse. `monitor`: record. `off`: do not look. */
export type Mode = 'off' | 'monitor' | 'enforce'

export type RuleGroup =
  | 'json'
  | 'value'
  | 'unicode'
  | 'tripwire'
  | 'sql'
  | 'html'
  | 'shell'
  | 'code'
  | 'xml'
  | 'nosql'
  | 'protocol'
  | 'path'
  | 'url'
  | 'regex'
  | 'prompt'
  | 'description'
  | 'schema'
  | 'result'
  | 'user'

/** What the validator saw. */
export interface Finding {
  /** Stable name of the rule: `json.depth`, `sql.union`, ... */
  readonly ruleId: string
  readonly severity: Severity
  readonly confidence: Confidence
  /** What was looked at: `json`, `arguments`, `result`, or the kind of the value. */
  readonly kind: string
  /** JSON pointer (RFC 6901) into what was given; empty for the whole. Cut after 1,024 characters. */
  readonly pointer: string
  /** At most 80 characters, secrets redacted, control and bidirectional characters escaped. Empty for a value of the kind `secret`. */
  readonly excerpt: string
  readonly message: string
  /** True: refuse. False: for the record. */
  readonly enforced: boolean
  /** UTF-16 units from the start of the text (`checkText`) or of the string at `pointer`. Absent where a decoded form matched. */
  readonly offset?: number
  /** The risk of the OWASP MCP Top 10 (beta): `MCP05`, ... */
  readonly owasp?: string
  /** How the form that matched was decoded, in order: `percent`, `escapes`, `entities`, `unicode`, `base64`, `utf-7`, `plus`. Absent for the value as it came. */
  readonly decodings?: readonly string[]
  /** A suppression took the enforcement away: its reason. */
  readonly suppressed?: string
}

/** What an argument means, with what its kind can be told. */
export type ArgumentKind =
  | {
      readonly kind: Exclude<ValueKind, 'path' | 'url' | 'host' | 'sql' | 'command' | 'html'>
    }
  /** `root`: an absolute directory that the path must stay below. Without it a path must not climb and must not name files of the system. */
  | { readonly kind: 'path'; readonly root?: string | undefined }
  | {
      readonly kind: 'url'
      /** In lower case, without the colon. Default `['http', 'https']`. */
      readonly schemes?: readonly string[] | undefined
      /** `example.com` or `*.example.com`. A host that is listed may be private. Default: any that is not private. */
      readonly hosts?: readonly string[] | undefined
      /** Refuse private networks, this machine, metadata services. Default true. */
      readonly denyPrivate?: boolean | undefined
      /** Accept references without a scheme. Default true. */
      readonly allowRelative?: boolean | undefined
    }
  | {
      readonly kind: 'host'
      readonly hosts?: readonly string[] | undefined
      readonly denyPrivate?: boolean | undefined
    }
  /** `readOnly`: one statement that only reads. Default false: nothing that reaches beyond the database. */
  | { readonly kind: 'sql'; readonly readOnly?: boolean | undefined }
  /** `argv`: the value is one argument (an array: the whole list), never text for a shell. `programs`: the first words that are allowed. */
  | { readonly kind: 'command'; readonly argv?: boolean | undefined; readonly programs?: readonly string[] | undefined }
  /** `scripts: false` refuses scripts, handlers and script URLs. Default true. */
  | { readonly kind: 'html'; readonly scripts?: boolean | undefined }

/** By tool (`read_file`, or `server/tool` for one of an upstream) and JSON pointer into its arguments; `*` stands for any key or element. */
export type ToolArguments = Readonly<Record<string, Readonly<Record<string, ArgumentKind>>>>

/** Modes that differ from the preset's. A rule's stands before its group's, a group's before the tool's, the tool's before the kind's. */
export interface Modes {
  readonly rules?: Readonly<Record<string, Mode>>
  readonly groups?: Readonly<Partial<Record<RuleGroup, Mode>>>
  /** By `tool` or `server/tool`. */
  readonly tools?: Readonly<Record<string, Mode>>
  readonly kinds?: Readonly<Partial<Record<ValueKind, Mode>>>
}

/** A rule of the user, made by `compileUserRules` of `@portcullis/validator/rules`. */
export interface UserRule {
  readonly id: string
  readonly severity: Severity
  readonly message: string
  /** Absent: every kind but `secret` and `opaque`. */
  readonly kinds?: readonly ValueKind[]
  readonly mode: Mode
  /** Where it matches in a text, or -1. Must take linear time. */
  readonly find: (text: string) => number
}

/** Takes the enforcement of findings away for a time. */
export interface Suppression {
  /** `sql.union`, or a group with `.*`: `sql.*`. */
  readonly rule: string
  /** `tool`, `server/tool`; absent: every tool. */
  readonly tool?: string
  /** JSON pointer, `*` for any one step; absent: everywhere. */
  readonly pointer?: string
  /** Why: it is written to the record. */
  readonly reason: string
  /** ISO 8601; at most a year from when it is read. From then on it is as if it were not there. */
  readonly expires: string
}

/** Port: JSON Schema. Throws an error with `code: 'ERR_VALIDATOR_SCHEMA'` for a schema that cannot be used. */
export interface SchemaPort {
  check(
    schema: unknown,
    value: unknown,
  ): { readonly valid: true } | { readonly valid: false; readonly pointer: string; readonly message: string }
}

export interface ValidatorOptions {
  /** Default `standard`. */
  readonly preset?: Preset
  /** Largest text, in UTF-8 bytes: 1 to 268,435,456. Default 1,048,576. */
  readonly maxBodyBytes?: number
  /** Deepest nesting of arrays and objects: 1 to 1,000. Default 64. */
  readonly maxDepth?: number
  /** Most object keys in one document: 1 to 1,000,000. Default 10,000. */
  readonly maxKeys?: number
  /** Longest key, in UTF-8 bytes: 1 to 1,048,576. Default 1,024. */
  readonly maxKeyBytes?: number
  /** Most elements of one array: 1 to 10,000,000. Default: `maxNodes`. */
  readonly maxArrayLength?: number
  /** Most values (arrays and objects among them) and keys, counted together, in one document: 1 to 10,000,000. Default 100,000. */
  readonly maxNodes?: number
  /** Longest string or key, in UTF-8 bytes. Default: `maxBodyBytes`. */
  readonly maxStringBytes?: number
  /** Largest result of a server, in UTF-8 bytes: 1 to 268,435,456. Default 16,777,216. */
  readonly maxResultBytes?: number
  /** Most enforced findings of one call, and most recorded ones: 1 to 1,000. The search ends with the last enforced one. Default 32. */
  readonly maxFindings?: number
  /** What the arguments of tools mean. Where a tool is here, this stands before what its schema says. */
  readonly tools?: ToolArguments
  readonly modes?: Modes
  /** The judgements about one value refuse it when their scores (low 1, medium 3, high 5, critical 8) reach this: 1 to 100. Default 3. */
  readonly threshold?: number
  /** Validates arguments and structured results where a schema is given: `createSchemaValidator` of `@portcullis/validator/schema`. */
  readonly schemas?: SchemaPort
  readonly userRules?: readonly UserRule[]
  readonly suppressions?: readonly Suppression[]
  /** What results are looked through for. */
  readonly results?: ResultOptions
  /** Milliseconds since 1970, for the expiry of suppressions. Default `Date.now`. */
  readonly now?: () => number
}

export interface ResultOptions {
  /** `redact`: secrets are reported and `protectResult` replaces them; `monitor`: reported; `off`. Default `redact`. */
  readonly secrets?: 'off' | 'monitor' | 'redact'
  /** Tools (`tool`, `server/tool`) whose purpose is to hand out secrets. */
  readonly returnsSecrets?: readonly string[]
  /** Hidden Unicode is taken out by `protectResult`. Default true. */
  readonly neutraliseUnicode?: boolean
  /** 16 bytes or more, for the MAC of redaction markers. Default: random for each validator. Replicas that share callers share it. */
  readonly markerKey?: Uint8Array
}

export interface CallToCheck {
  readonly server: string
  readonly tool: string
  /** JSON Schema of the arguments: `x-mcp-kind`, `format` and `contentMediaType` say what values mean. */
  readonly schema?: unknown
  readonly arguments: unknown
}

export interface ResultToCheck {
  readonly server: string
  readonly tool?: string
  readonly result: unknown
  /** JSON Schema of `structuredContent`. */
  readonly outputSchema?: unknown
  /** Size of the result as it was received, in bytes, if known; else it is estimated from below. */
  readonly textLength?: number
}

/** A result with what must not leave taken out. */
export interface ProtectedResult {
  /** The same object where nothing was changed; else a copy. What was a string stays a string, keys and shape stay. */
  readonly result: unknown
  readonly changed: boolean
  /** It must not be sent at all: it is too large or too deep, or is not what its schema says. */
  readonly withheld: boolean
  /** What was found; `enforced` on a secret means that it was replaced. */
  readonly findings: readonly Finding[]
}

/** Everything that is known of a rule. */
export interface RuleExplanation {
  readonly ruleId: string
  readonly group: RuleGroup
  readonly severity: Severity
  readonly confidence: Confidence
  /** False: a judgement, enforced only where the kind of a value was declared. */
  readonly certain: boolean
  readonly message: string
  readonly owasp?: string
  /** The mode for a value of the kind whose kind was declared, and for one whose kind was not. */
  readonly mode: { readonly declared: Mode; readonly undeclared: Mode }
  /** Which setting decided. */
  readonly decidedBy: 'rule' | 'group' | 'tool' | 'kind' | 'preset' | 'always'
}

export interface Validator {
  /** Looks at JSON text before it is parsed, in one pass. Never throws, whatever the text. */
  checkText(raw: string): readonly Finding[]
  /** What would be enforced if the value were of that kind (default `text`) and the kind declared. Throws ERR_VALIDATOR_KIND for a kind that is not known. */
  checkValue(value: unknown, kind?: ValueKind | ArgumentKind): readonly Finding[]
  /** Looks at every string and every key of the arguments by itself; nothing is ever matched across two of them. */
  checkCall(call: CallToCheck): readonly Finding[]
  /** Looks at size, depth, secrets and hidden text of what a server answers. */
  checkResult(answer: ResultToCheck): readonly Finding[]
  /** The same, and a result without the secrets and the hidden text. */
  protectResult(answer: ResultToCheck): ProtectedResult
  /** What is known of a rule and what is done about it. Throws ERR_VALIDATOR_RULE for a rule that there is not. */
  explain(ruleId: string, place?: { readonly tool?: string; readonly kind?: ValueKind }): RuleExplanation
}
