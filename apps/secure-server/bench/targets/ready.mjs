/** Tells the benchmark where to go, and what to send along. */
export const ready = (server, headers = {}) =>
  process.send({ url: `http://127.0.0.1:${server.address().port}/mcp`, headers })
