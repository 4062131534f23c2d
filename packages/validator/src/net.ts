/**
 * Names and paths as the machine resolves them: addresses checked when they are connected to, redirects checked anew, links followed and kept inside.
 * @module
 */
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
export { createSafeFetch, type SafeFetchOptions } from './net/safe-fetch.ts'
export { createSafeLookup, type SafeLookup, type SafeLookupOptions } from './net/safe-lookup.ts'
export { resolveInside } from './net/resolve-inside.ts'
