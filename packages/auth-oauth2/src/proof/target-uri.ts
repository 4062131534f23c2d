const unreserved = /^[A-Za-z0-9._~-]$/

/**
 * A request's URI as `htu` is compared (RFC 9449 section 4.3): without query and fragment, normalised by syntax and scheme (RFC 3986 sections
 * 6.2.2 and 6.2.3). Undefined for what is no http or https URI, or has a user name in it.
 */
export const targetUri = (text: unknown): string | undefined => {
  if (typeof text !== 'string' || text.length > 8192 || text.trim() !== text || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    return undefined
  return url.origin + url.pathname.replace(/%[0-9A-Fa-f]{2}/g, normalised)
}

const normalised = (escape: string): string => {
  const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  return unreserved.test(char) ? char : escape.toUpperCase()
}
