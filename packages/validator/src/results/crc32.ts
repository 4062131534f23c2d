const TABLE = new Uint32Array(256)
for (let n = 0; n < 256; n++) {
  let value = n
  for (let k = 0; k < 8; k++) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  TABLE[n] = value
}

/** CRC-32 of ISO 3309 over ASCII text. */
export function crc32(text: string): number {
  let sum = 0xffffffff
  for (let i = 0; i < text.length; i++) sum = (TABLE[(sum ^ text.charCodeAt(i)) & 0xff] as number) ^ (sum >>> 8)
  return (sum ^ 0xffffffff) >>> 0
}
