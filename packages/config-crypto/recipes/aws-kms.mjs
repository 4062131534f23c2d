/**
 * AWS KMS as a key service: `keys.kms(awsKms({ client, EncryptCommand, DecryptCommand, keyId }))`, with what `@aws-sdk/client-kms` exports. The context becomes the encryption context, which
 * key policies can demand and CloudTrail shows.
 *
 * @param {{ client: { send(command: unknown): Promise<any> }, EncryptCommand: new (input: any) => unknown, DecryptCommand: new (input: any) => unknown, keyId: string }} options
 *   `keyId`: the ARN of the key; an alias may lead to another key tomorrow
 * @returns {import('@portcullis/config-crypto').Kms}
 */
export const awsKms = ({ client, EncryptCommand, DecryptCommand, keyId }) => ({
  provider: 'aws',
  ref: keyId,
  wrap: async (dataKey, context) => {
    const input = { KeyId: keyId, Plaintext: dataKey, EncryptionContext: context }
    return (await client.send(new EncryptCommand(input))).CiphertextBlob
  },
  unwrap: async (wrapped, context) => {
    const input = { KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: context }
    return (await client.send(new DecryptCommand(input))).Plaintext
  },
})
