import { compactVerify, errors } from 'jose'
import type { VerificationKey } from './keys.ts'

/** Whether the key signed the token, with exactly this algorithm. Where keys come from and which one may be asked is decided before. */
export const isSignedBy = async (token: string, algorithm: string, key: VerificationKey): Promise<boolean> => {
  try {
    await compactVerify(token, await key.cryptoKey(algorithm), { algorithms: [algorithm] })
    return true
  } catch (error) {
    // A key that cannot be imported (a point that is not on its curve, say) has signed nothing.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return false
    throw error
  }
}
