export { addressGroup, isLoopback, parseAddress } from './address.ts'
export { type CidrSet, createCidrSet } from './cidr-set.ts'
export { clientAddress } from './client-address.ts'
export { NetError, type NetErrorCode } from './errors.ts'
