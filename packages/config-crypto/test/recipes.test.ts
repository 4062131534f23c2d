import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { createConfig, keys, type Kms, openConfig } from '../src/index.ts'
import { failsWith, failureOf, freshFolder } from './scratch.ts'

const recipe = (name: string): Promise<Record<string, (options: object) => Kms>> => import(`../recipes/${name}.mjs`)
const masterKey = randomBytes(32)

/** What each of the services does with what it is sent. */
const encrypt = (plaintext: Uint8Array, bound: Uint8Array): Buffer => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(bound)
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}
const decrypt = (wrapped: Uint8Array, bound: Uint8Array): Buffer => {
  const bytes = Buffer.from(wrapped)
  const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, 12)).setAAD(bound)
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
}

/** A file that the service wraps for opens by it, and what was wrapped for it is bound to it. */
const works = async (kms: Kms): Promise<string> => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: [keys.kms(kms)] })
  await config.set('a', 'one')
  await config.rotateDataKey()
  expect((await openConfig(path, { keys: [keys.kms(kms)] })).get('a')).toBe('one')
  const wrapped = await kms.wrap(randomBytes(32), { 'portcullis:config': 'one file' })
  expect(await failureOf(() => kms.unwrap(wrapped, { 'portcullis:config': 'another' }))).toBeInstanceOf(Error)
  return path
}

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

/** The two calls of Vault's transit engine, as its documentation has them. */
const fakeVault = async (): Promise<string> => {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const body = JSON.parse(await readAll(request))
      const bound = Buffer.from(body.associated_data, 'base64')
      if (request.headers['x-vault-token'] !== 'good') response.statusCode = 403
      else if (request.url === '/v1/transit/encrypt/app%2Fkey') {
        const ciphertext = `vault:v1:${encrypt(Buffer.from(body.plaintext, 'base64'), bound).toString('base64')}`
        response.end(JSON.stringify({ data: { ciphertext } }))
        return
      } else if (request.url === '/v1/transit/decrypt/app%2Fkey') {
        const plaintext = decrypt(Buffer.from(body.ciphertext.slice(9), 'base64'), bound).toString('base64')
        response.end(JSON.stringify({ data: { plaintext } }))
        return
      } else response.statusCode = 404
      response.end('{"errors":["hunter2"]}')
    }
    answer().catch(() => {
      response.statusCode = 400
      response.end('{"errors":["hunter2"]}')
    })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('Vault: what is wrapped is bound to its file; a bad token is no key, and its answer is not repeated', async () => {
  const { vaultTransit } = await recipe('vault-transit')
  const address = await fakeVault()
  const make = (token: string) => vaultTransit?.({ address, token: () => token, key: 'app/key' }) as Kms
  const path = await works(make('good'))
  const failure = await failureOf(() => openConfig(path, { keys: [keys.kms(make('bad'))] }))
  expect(failure).toEqual(failsWith('ERR_CONFIG_KEY_SOURCE', 'unavailable'))
  expect(inspect(failure, { depth: 9 })).not.toContain('hunter2')
})

const contextBytes = (context: object): Buffer => Buffer.from(JSON.stringify(Object.entries(context).sort()))

test('AWS: commands as the client takes them, with the context as encryption context', async () => {
  const { awsKms } = await recipe('aws-kms')
  class Command {
    readonly input: any
    constructor(input: any) {
      this.input = input
    }
  }
  class EncryptCommand extends Command {}
  class DecryptCommand extends Command {}
  const keyId = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  const client = {
    send: async (command: Command) => {
      const { KeyId, Plaintext, CiphertextBlob, EncryptionContext } = command.input
      if (KeyId !== keyId) throw new Error('NotFoundException')
      const bound = contextBytes(EncryptionContext)
      return command instanceof EncryptCommand
        ? { CiphertextBlob: new Uint8Array(encrypt(Plaintext, bound)) }
        : { Plaintext: new Uint8Array(decrypt(CiphertextBlob, bound)) }
    },
  }
  await works(awsKms?.({ client, EncryptCommand, DecryptCommand, keyId }) as Kms)
})

test('Google Cloud: requests as the client takes them, with the context as additional data', async () => {
  const { gcpKms } = await recipe('gcp-kms')
  const client = {
    encrypt: async ({ plaintext, additionalAuthenticatedData }: any) => [
      { ciphertext: encrypt(plaintext, additionalAuthenticatedData) },
    ],
    decrypt: async ({ ciphertext, additionalAuthenticatedData }: any) => [
      { plaintext: decrypt(ciphertext, additionalAuthenticatedData) },
    ],
  }
  await works(gcpKms?.({ client, name: 'projects/p/locations/l/keyRings/r/cryptoKeys/k' }) as Kms)
})
