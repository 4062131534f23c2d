/** CRC-32/ISO-HDLC of a byte that has as many bytes behind it as the table's place says. */
const TABLES = Array.from({ length: 4 }, () => new Int32Array(256)) as [Int32Array, Int32Array, Int32Array, Int32Array]
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let place = 0; place < 4; place++) {
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1
    ;(TABLES[place] as Int32Array)[byte] = crc
  }
}
const [T0, T1, T2, T3] = TABLES

/** The CRC-32 of the first `end` characters of a short ASCII text, four at a time; a call out of JavaScript costs more than these steps. */
export const crc32Of = (text: string, end: number): number => {
  let crc = -1
  let i = 0
  for (; i + 4 <= end; i += 4) {
    crc ^=
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24)
    crc =
      (T3[crc & 255] as number) ^
      (T2[(crc >>> 8) & 255] as number) ^
      (T1[(crc >>> 16) & 255] as number) ^
      (T0[crc >>> 24] as number)
  }
  for (; i < end; i++) crc = (T0[(crc ^ text.charCodeAt(i)) & 255] as number) ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}
