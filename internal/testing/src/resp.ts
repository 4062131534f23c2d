import { connect } from 'node:net'

type Reply = string | number | null | Reply[]

/** Reads one RESP2 reply; `undefined` when it is not complete yet. */
const parse = (bytes: Buffer, start: number): { reply: Reply | Error; end: number } | undefined => {
  const line = bytes.indexOf('\r\n', start)
  if (line === -1) return undefined
  const text = bytes.toString('utf8', start + 1, line)
  const next = line + 2
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { reply: text, end: next }
    case '-':
      return { reply: new Error(text), end: next }
    case ':':
      return { reply: Number(text), end: next }
    case '$': {
      const size = Number(text)
      if (size === -1) return { reply: null, end: next }
      if (bytes.length < next + size + 2) return undefined
      return { reply: bytes.toString('utf8', next, next + size), end: next + size + 2 }
    }
    default: {
      const items: Reply[] = []
      let at = next
      for (let i = 0; i < Number(text); i++) {
        const item = parse(bytes, at)
        if (item === undefined) return undefined
        items.push(item.reply instanceof Error ? `ERROR ${item.reply.message}` : item.reply)
        at = item.end
      }
      return { reply: items, end: at }
    }
  }
}

/** One command on a connection of its own, by no client library: what a test says to Redis behind the back of what it tests. */
export const respCall = (port: number, args: readonly (string | number)[], timeoutMs = 2000): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let bytes: Buffer = Buffer.alloc(0)
    const end = (settle: () => void) => {
      socket.destroy()
      settle()
    }
    socket.setTimeout(timeoutMs, () => end(() => reject(new Error('no answer'))))
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('close', () => reject(new Error('closed without an answer')))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const parsed = parse(bytes, 0)
      if (parsed === undefined) return
      end(() => (parsed.reply instanceof Error ? reject(parsed.reply) : resolve(parsed.reply)))
    })
    const parts = args.map(String).map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`)
    socket.write(`*${args.length}\r\n${parts.join('')}`)
  })
