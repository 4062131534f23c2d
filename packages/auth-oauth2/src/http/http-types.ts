export interface HttpRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: string
  readonly maxBytes: number
  readonly timeoutMs: number
  /** Whether sending it a second time does no harm. */
  readonly repeatable: boolean
}

export interface HttpResponse {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Uint8Array
}
