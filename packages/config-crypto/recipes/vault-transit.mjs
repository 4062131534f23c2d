/**
 * The transit engine of HashiCorp Vault or OpenBao as a key service: `keys.kms(vaultTransit({ ... }))`. The key must be of an AEAD type (`aes256-gcm96`, the default), so that
 * the context can be bound to what is wrapped.
 *
 * @param {{ address: string, token: () => string, key: string, mount?: string, timeoutMs?: number }} options `token` is asked for each call: tokens are renewed
 * @returns {import('@portcullis/config-crypto').Kms}
 */
export const vaultTransit = ({ address, token, key, mount = 'transit', timeoutMs = 10_000 }) => {
  const call = async (action, body) => {
    const url = new URL(`v1/${mount}/${action}/${encodeURIComponent(key)}`, `${address.replace(/\/$/, '')}/`)
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vault-token': token() },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    // Its body may repeat what was sent.
    if (!response.ok) throw new Error(`${action} was answered with ${response.status}`)
    return (await response.json()).data
  }
  const base64 = (bytes) => Buffer.from(bytes).toString('base64')
  const bound = (context) => base64(JSON.stringify(context))
  return {
    provider: 'vault',
    ref: `${mount}/${key}`,
    wrap: async (dataKey, context) => {
      const { ciphertext } = await call('encrypt', { plaintext: base64(dataKey), associated_data: bound(context) })
      return Buffer.from(ciphertext, 'latin1')
    },
    unwrap: async (wrapped, context) => {
      const ciphertext = Buffer.from(wrapped).toString('latin1')
      const { plaintext } = await call('decrypt', { ciphertext, associated_data: bound(context) })
      return Buffer.from(plaintext, 'base64')
    },
  }
}
