import { createServer, request as send } from 'node:http'
import { pipeline } from 'node:stream'

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'])

/**
 * A proxy that adds headers, because the suites cannot, and changes nothing else: not even `Host` and `Origin`, and bytes go both
 * ways as they come. Its URL.
 */
export const startProxy = async (target, headers) => {
  const { hostname, port } = new URL(target)
  const own = Object.entries(headers).flat()
  const server = createServer((request, response) => {
    const raw = request.rawHeaders.filter((_, index, all) => !hopByHop.has(all[index - (index % 2)].toLowerCase()))
    const onward = send({ hostname, port, method: request.method, path: request.url, headers: [...raw, ...own] })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      response.flushHeaders()
      pipeline(answer, response, () => {})
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    pipeline(request, onward, () => {})
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
