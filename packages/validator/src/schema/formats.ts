import { parseIPv4, parseIPv6 } from '../net/host.ts'
import { checkEmail } from '../kinds/simple.ts'

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/
const TIME = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function isDate(text: string): boolean {
  const match = DATE.exec(text)
  if (match === null) return false
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number]
  if (month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] as number)) return false
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))
}

const isTime = (text: string): boolean => text.length <= 32 && TIME.test(text)

function isUri(text: string, relative: boolean): boolean {
  if (text.length > 8192 || /[\s<>"{}|\\^`]/.test(text)) return false
  try {
    return relative
      ? new URL(text, 'http://a.invalid/') instanceof URL
      : /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && new URL(text) instanceof URL
  } catch {
    return false
  }
}

const isHostname = (text: string): boolean =>
  text.length > 0 &&
  text.length <= 253 &&
  text.split('.').every((label) => label.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/.test(label))

/** The formats that are asserted; each takes linear time. Others are annotations, as the specification has them. */
export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: isTime,
  'date-time': (text) =>
    text.length <= 64 && /^.{10}[Tt ]/.test(text) && isDate(text.slice(0, 10)) && isTime(text.slice(11)),
  duration: (text) =>
    text.length <= 64 && /^P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$/.test(text),
  email: (text) => checkEmail(text) === undefined,
  hostname: isHostname,
  ipv4: (text) => parseIPv4(text) !== undefined,
  ipv6: (text) =>
    text.length <= 45 && text.includes(':') && /^[0-9A-Fa-f:.]+$/.test(text) && parseIPv6(text) !== undefined,
  uri: (text) => isUri(text, false),
  'uri-reference': (text) => isUri(text, true),
  uuid: (text) => /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/.test(text),
  'json-pointer': (text) => text === '' || (text.startsWith('/') && !/~(?![01])/.test(text)),
}
