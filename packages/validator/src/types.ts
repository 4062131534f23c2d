export type Preset = 'off' | 'standard' | 'strict'

/** What a value means to the tool: `string` is an identifier, a name, a short value; `text` is free text, documents, code. */
export type ValueKind = 'text' | 'string'

export type Severity = 'low' | 'medium' | 'high' | 'critical'
export type Confidence = 'low' | 'medium' | 'high'

/** What the validator saw. */
export interface Finding {
  /** Stable name of the rule: `json.depth`, `pattern.script_tag`, ... */
  readonly ruleId: string
  readonly severity: Severity
  readonly confidence: Confidence
  /** What was looked at: `json`, `arguments`, `result`, or the kind of the value. */
  readonly kind: string
  /** JSON pointer (RFC 6901) into what was given; empty for the whole. Cut after 1,024 characters. */
  readonly pointer: string
  /** At most 80 characters, secrets redacted, control and bidirectional characters escaped. */
  readonly excerpt: string
  readonly message: string
  /** True: refuse. False: for the record. */
  readonly enforced: boolean
  /** UTF-16 units from the start of the text (`checkText`) or of the string at `pointer`. Absent where a decoded form matched. */
  readonly offset?: number
}

/** What an argument means: free text, a short value, or a path that must not leave `root` (an absolute directory). */
export type ArgumentKind = { readonly kind: ValueKind } | { readonly kind: 'path'; readonly root: string }

/** By tool (`read_file`, or `server/tool` for one of an upstream) and JSON pointer into its arguments. */
export type ToolArguments = Readonly<Record<string, Readonly<Record<string, ArgumentKind>>>>

export interface ValidatorOptions {
  /** Default `standard`. */
  readonly preset?: Preset
  /** Largest text, in UTF-8 bytes: 1 to 268,435,456. Default 1,048,576. */
  readonly maxBodyBytes?: number
  /** Deepest nesting of arrays and objects: 1 to 1,000. Default 64. */
  readonly maxDepth?: number
  /** Most object keys in one document: 1 to 1,000,000. Default 10,000. */
  readonly maxKeys?: number
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
}

export interface CallToCheck {
  readonly server: string
  readonly tool: string
  /** JSON Schema of the arguments. A property with `"x-mcp-kind": "string"` has the patterns enforced in it by the preset `standard` too. */
  readonly schema?: unknown
  readonly arguments: unknown
}

export interface ResultToCheck {
  readonly server: string
  readonly tool?: string
  readonly result: unknown
  /** Size of the result as it was received, in bytes, if known; else it is estimated from below. */
  readonly textLength?: number
}

export interface Validator {
  /** Looks at JSON text before it is parsed, in one pass. Never throws, whatever the text. */
  checkText(raw: string): readonly Finding[]
  /** What would be enforced if the value were of that kind (default `text`). Throws ERR_VALIDATOR_KIND for a kind that is not known. */
  checkValue(value: unknown, kind?: ValueKind): readonly Finding[]
  /** Looks at every string and every key of the arguments by itself; nothing is ever matched across two of them. */
  checkCall(call: CallToCheck): readonly Finding[]
  /** Looks at size and depth of what a server answers. */
  checkResult(answer: ResultToCheck): readonly Finding[]
}
