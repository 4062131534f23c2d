import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from '@portcullis-internal/net'
import { OAuth2Error, quote } from '../errors.ts'

const refused = (host: string): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_METADATA', `${quote(host)} is not on the public internet, and nobody configured it`)

/**
 * Refuses a host that is written as an address which is not public, in any form: URLs are normalised, so that octal, decimal and short forms are
 * dotted quads by now.
 * @throws OAuth2Error `ERR_OAUTH2_METADATA`
 */
export const checkHost = ({ hostname }: URL): void => {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const literal = hostname.startsWith('[') || /^[0-9.]+$/.test(hostname)
  const name = hostname.toLowerCase().replace(/\.$/, '')
  if (literal ? !isPublicAddress(address) : name === 'localhost' || name.endsWith('.localhost')) throw refused(hostname)
}

/** Resolves a name and refuses it unless every address is public. The connection goes to what was looked at: the name is not resolved again. */
export const publicLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '')
    const [first] = addresses
    if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
      return callback(refused(host) as NodeJS.ErrnoException, '')
    }
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
  })
}
