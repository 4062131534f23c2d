/** Where a request goes. */
export interface Endpoint {
  readonly url: URL
  /** It came from outside: it must lead to a public address, whatever its host's name resolves to. */
  readonly foreign: boolean
}

export interface HttpRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: string
  readonly maxBytes: number
  readonly timeoutMs: number
  /** Whether sending it a second time does no harm. */
  readonly repeatable: boolean
  /** As of an `Endpoint`. Default false. */
  readonly foreign?: boolean
}

export interface HttpResponse {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Uint8Array
}
