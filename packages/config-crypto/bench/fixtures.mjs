// The same secrets in the file of each tool.
import { spawnSync } from 'node:child_process'
import { createCipheriv, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConfig, keys } from '../dist/index.js'

/** Names and values: about `count` times 100 bytes. */
export const secretsOf = (count) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`SECRET_${n}`, randomBytes(50).toString('hex')]))

export const writeOurs = async (folder, secrets) => {
  const [path, key] = [join(folder, 'ours.json'), join(folder, 'ours.key')]
  const config = await createConfig(path, { keys: [keys.file(key)] })
  await config.update((draft) => {
    for (const [name, value] of Object.entries(secrets)) draft.set(name, value)
  })
  return { path, key }
}

export const writeDotenvx = (folder, secrets, { dotenvx }) => {
  const at = join(folder, 'dotenvx')
  mkdirSync(at, { recursive: true })
  const path = join(at, '.env')
  writeFileSync(
    path,
    Object.entries(secrets)
      .map(([name, value]) => `${name}="${value}"\n`)
      .join(''),
  )
  const { status } = spawnSync(process.execPath, [dotenvx, 'encrypt', '-f', path], { cwd: at, stdio: 'ignore' })
  if (status !== 0) throw new Error('dotenvx encrypt failed')
  return { path, cwd: at }
}

/** What sops writes for an age recipient; the MAC is not read by sops-age. */
export const writeSops = async (folder, secrets, { age }) => {
  const { armor, Encrypter, generateIdentity, identityToRecipient } = await import(age)
  const identity = await generateIdentity()
  const recipient = await identityToRecipient(identity)
  const dataKey = randomBytes(32)
  const seal = (name, value) => {
    const iv = randomBytes(32)
    const cipher = createCipheriv('aes-256-gcm', dataKey, iv).setAAD(Buffer.from(`${name}:`))
    const data = Buffer.concat([cipher.update(value), cipher.final()]).toString('base64')
    const tag = cipher.getAuthTag().toString('base64')
    return `ENC[AES256_GCM,data:${data},iv:${iv.toString('base64')},tag:${tag},type:str]`
  }
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const enc = armor.encode(await encrypter.encrypt(dataKey))
  const path = join(folder, 'sops.json')
  const values = Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, seal(name, value)]))
  const sops = {
    age: [{ recipient, enc }],
    lastmodified: '2026-11-22T00:00:00Z',
    mac: seal('2026-11-22T00:00:00Z', 'ABCDEF'),
    version: '3.13.2',
  }
  writeFileSync(path, JSON.stringify({ ...values, sops }, null, 2))
  return { path, identity }
}

export const writeAge = async (folder, secrets, { age }) => {
  const { Encrypter, generateIdentity, identityToRecipient } = await import(age)
  const identity = await generateIdentity()
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const path = join(folder, 'all.age')
  writeFileSync(path, await encrypter.encrypt(JSON.stringify(secrets)))
  return { path, identity }
}
