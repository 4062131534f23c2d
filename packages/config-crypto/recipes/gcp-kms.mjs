/**
 * Google Cloud KMS as a key service: `keys.kms(gcpKms({ client, name }))`, with a `KeyManagementServiceClient` of `@google-cloud/kms`.
 *
 * @param {{ client: { encrypt(request: any): Promise<any>, decrypt(request: any): Promise<any> }, name: string }} options
 *   `name`: `projects/P/locations/L/keyRings/R/cryptoKeys/K`
 * @returns {import('@portcullis/config-crypto').Kms}
 */
export const gcpKms = ({ client, name }) => {
  const bound = (context) => Buffer.from(JSON.stringify(context))
  return {
    provider: 'gcp',
    ref: name,
    wrap: async (dataKey, context) => {
      const [{ ciphertext }] = await client.encrypt({
        name,
        plaintext: dataKey,
        additionalAuthenticatedData: bound(context),
      })
      return ciphertext
    },
    unwrap: async (wrapped, context) => {
      const [{ plaintext }] = await client.decrypt({
        name,
        ciphertext: wrapped,
        additionalAuthenticatedData: bound(context),
      })
      return plaintext
    },
  }
}
