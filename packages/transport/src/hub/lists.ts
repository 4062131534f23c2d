import { isRecord, type JsonRpcRequest, type JsonRpcResponse } from '@portcullis/guard'
import type { Names } from '../types.ts'

const maxPages = 100
/** How long one server may keep the list of all others waiting. */
export const patienceMs = 5000
/** What one server may add: a list that is too large for an answer would hide those of all others. */
const maxItems = 10_000
const maxChars = 4 * 1024 * 1024

/** Asks one server for one page, until `signal` says that nobody waits for it. */
export type AskPage = (
  server: string,
  message: JsonRpcRequest,
  signal: AbortSignal,
) => Promise<JsonRpcResponse | undefined>

/**
 * One list out of those of many servers, all of their pages: a client of many servers should not have to turn the pages of each.
 * A server that does not answer has nothing in the list.
 */
export const mergeLists = async (
  servers: Iterable<string>,
  names: Names,
  message: JsonRpcRequest,
  items: string,
  ask: AskPage,
  onFault: (server: string, error: unknown) => void,
  leaving?: AbortSignal,
): Promise<JsonRpcResponse> => {
  const pagesOf = async (server: string, signal: AbortSignal): Promise<readonly unknown[]> => {
    const found: unknown[] = []
    let chars = 0
    let cursor: unknown
    for (let page = 0; page < maxPages; page++) {
      const { cursor: _, ...params } = message.params ?? {}
      const asked = { ...message, params: cursor === undefined ? params : { ...params, cursor } }
      const response = await ask(server, asked, signal)
      if (!isRecord(response?.result)) break
      const named = names.outward(server, message.method, response).result as Record<string, unknown>
      const list = named[items]
      if (Array.isArray(list)) {
        for (const item of list as unknown[]) found.push(item)
        chars += JSON.stringify(list).length
      }
      if (found.length > maxItems || chars > maxChars) throw new Error('its list is too large')
      cursor = named['nextCursor']
      if (typeof cursor !== 'string') break
    }
    return found
  }
  const inTime = (server: string): Promise<readonly unknown[]> =>
    new Promise((resolve, reject) => {
      const asking = new AbortController()
      const stop = (why: string): void => {
        reject(new Error(why))
        asking.abort()
      }
      const timer = setTimeout(() => stop(`no list within ${patienceMs} ms`), patienceMs)
      const leave = (): void => stop('nobody waits for it')
      leaving?.addEventListener('abort', leave)
      pagesOf(server, asking.signal)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer)
          leaving?.removeEventListener('abort', leave)
        })
    })
  const lists = await Promise.all(
    [...servers].map((server) =>
      inTime(server).catch((error: unknown) => {
        onFault(server, error)
        return []
      }),
    ),
  )
  return { jsonrpc: '2.0', id: message.id, result: { [items]: lists.flat() } }
}
