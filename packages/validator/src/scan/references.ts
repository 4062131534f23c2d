import { isSensitiveName } from '../kinds/sensitive.ts'
import { classifyHost } from '../net/host.ts'
import { isAlnum, isSpace, isWord } from '../text/chars.ts'
import type { Hit } from './hit.ts'

const MAX_HOST = 255

/** Files of a system that a value names: `/etc/passwd`, `C:\boot.ini`, `/proc/self/environ`. */
export function scanSensitivePaths(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 0x2f && code !== 0x5c) continue
    // One token of path characters, looked at once.
    let start = i
    while (start > 0 && i - start < 32 && isPathChar(text.charCodeAt(start - 1))) start--
    let end = i + 1
    while (
      end < text.length &&
      end < i + 512 &&
      (isPathChar(text.charCodeAt(end)) || text.charCodeAt(end) === 0x2f || text.charCodeAt(end) === 0x5c)
    )
      end++
    const path = text.slice(start, end).replaceAll('\\', '/').toLowerCase()
    if (
      isSensitiveName(path) ||
      /^\/etc\/(hosts|group|issue)$/.test(path) ||
      path.startsWith('/proc/self') ||
      path.startsWith('/dev/tcp/') ||
      path.startsWith('/dev/udp/')
    )
      hit('path.sensitive', start)
    i = end - 1
  }
}

const isPathChar = (code: number): boolean => isWord(code) || code === 0x2e || code === 0x2d || code === 0x3a

/** Hosts of private networks and metadata services in URLs of any scheme, and a value that is such a host. */
export function scanInnerHosts(text: string, hit: Hit): void {
  for (let i = text.indexOf(':'); i >= 0; i = text.indexOf(':', i + 1)) {
    if (isWord(text.charCodeAt(i - 1)) && text.charCodeAt(i + 1) === 0x2f && text.charCodeAt(i + 2) === 0x2f)
      judge(text, i + 3, hit)
    else if (i >= 4 && i <= 5 && /^https?$/i.test(text.slice(0, i)) && isAlnum(text.charCodeAt(i + 1)))
      judge(text, i + 1, hit)
  }
  if (text.length <= 80 && text.endsWith('/')) {
    const host = text.slice(0, -1).toLowerCase()
    if (
      /^[a-z0-9.-]+$/.test(host) &&
      (host.startsWith('localhost') ||
        host.startsWith('ip6-') ||
        host === 'localtest.me' ||
        (host.includes('.') && classifyHost(host) === 'private'))
    )
      hit('url.inner_host', 0)
  }
}

function judge(text: string, from: number, hit: Hit): void {
  let end = from
  while (end < text.length && end < from + MAX_HOST) {
    const code = text.charCodeAt(end)
    if (
      code === 0x2f ||
      code === 0x3f ||
      code === 0x23 ||
      code === 0x22 ||
      code === 0x27 ||
      code === 0x3c ||
      code === 0x3e ||
      isSpace(code)
    )
      break
    end++
  }
  const authority = text.slice(from, end)
  const at = authority.lastIndexOf('@')
  try {
    const { hostname } = new URL(`http://${at < 0 ? authority : authority.slice(at + 1)}/`)
    if (
      classifyHost(hostname) === 'private' &&
      (hostname.includes('.') || hostname.startsWith('[') || hostname === 'localhost' || hostname === 'metadata')
    )
      hit('url.inner_host', from)
  } catch {
    // No host: nothing to judge.
  }
}
