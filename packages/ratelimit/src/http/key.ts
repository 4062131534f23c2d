import { addressGroup } from '@portcullis-internal/net'
import type { IncomingMessage } from 'node:http'

/**
 * What a network address is counted as: an IPv4 address by itself, also when it comes as IPv6-mapped, and an IPv6 address by its /64, for whoever has one address
 * of it has them all. Whatever is no address shares the one key `unknown`, so that nobody gets by without one.
 */
export function addressKey(address: string | undefined): string {
  return (address === undefined ? undefined : addressGroup(address)) ?? 'unknown'
}

/** The peer of the connection. No header is believed: whoever sends it chooses it. */
export const peerKey = (request: IncomingMessage): string => addressKey(request.socket.remoteAddress)
