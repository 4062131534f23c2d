import type { JsonRpcResponse, RequestId } from '@portcullis/guard'
import type { Outlet } from '../types.ts'
import type { Session } from './session.ts'

/** One request under way at the server. */
export interface Call {
  /** The id that the server sees. */
  readonly serverId: number
  /** The id that the client chose; `undefined` for requests that the hub itself makes. */
  readonly clientId?: RequestId
  readonly session?: Session
  readonly outlet?: Outlet
  /** What the client wants its progress reported under. */
  readonly progressToken?: RequestId
  /** Ends the call: with the server's response, or without one when it was cancelled. */
  readonly settle: (response: JsonRpcResponse | undefined) => void
}
