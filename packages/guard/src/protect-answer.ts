import type { Pass } from './exchange.ts'
import type { JsonRpcResponse } from './json-rpc.ts'
import type { Finding, RequestValidator } from './ports.ts'

export interface FitAnswer {
  /** The answer with what must not leave taken out; the same object where that is nothing. */
  readonly response: JsonRpcResponse
  /** None of it may be sent. */
  readonly withheld: boolean
  readonly findings: readonly Finding[]
}

/** What the validator says of an answer. An error can be as large and as deep as a result, and hold as much. */
export const protectAnswer = (
  validator: RequestValidator | undefined,
  { action }: Pass,
  response: JsonRpcResponse,
): FitAnswer => {
  const name = response.error === undefined ? 'result' : 'error'
  const asked = {
    server: action?.server ?? 'local',
    ...(action === undefined ? {} : { tool: action.name }),
    result: response[name],
  }
  if (validator?.protectResult !== undefined) {
    const { result, withheld, findings } = validator.protectResult(asked)
    const fit = result === asked.result ? response : ({ ...response, [name]: result } as JsonRpcResponse)
    return { response: fit, withheld, findings }
  }
  const findings = validator?.checkResult?.(asked) ?? []
  return { response, withheld: findings.some(({ enforced }) => enforced), findings }
}
