import type { Readable } from 'node:stream'

/**
 * Lines of UTF-8 text out of a stream, without their line ends. A line over `maxBytes` is not kept: `onTooLong` is called
 * once for it and everything up to its end is dropped.
 */
export const readLines = (
  input: Readable,
  maxBytes: number,
  onLine: (line: Buffer) => void,
  onTooLong: () => void,
): void => {
  let parts: Buffer[] = []
  let bytes = 0
  let skipping = false
  input.on('data', (chunk: Buffer) => {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end))
      if (!skipping) onLine(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, bytes))
      parts = []
      bytes = 0
      skipping = false
      start = end + 1
    }
    if (start < chunk.length) take(chunk.subarray(start))
  })

  const take = (part: Buffer): void => {
    if (skipping) return
    bytes += part.length
    if (bytes > maxBytes) {
      skipping = true
      parts = []
      onTooLong()
    } else {
      parts.push(part)
    }
  }
}
