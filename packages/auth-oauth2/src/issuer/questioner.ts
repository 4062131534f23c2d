import type { IssuerSettings } from '../verifier/verifier-options.ts'
import { ASSERTION_TYPE, signAssertion } from './client-key.ts'

/** How an issuer is asked about a token, and how what it says is read. */
export interface Questioner {
  ask(token: string): Promise<{ readonly headers: Record<string, string>; readonly body: string }>
  /** The members of a 200 answer, in the words of RFC 7662. */
  read(answer: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
}

const FORM = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }

/** RFC 6749 section 2.3.1: each half is form-encoded before the two are joined. */
export const basicAuthorization = (clientId: string, clientSecret: string): string => {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString()

/** RFC 7662: the client authenticates by a secret or by a key. */
const introspecting = (
  issuer: string,
  client: NonNullable<IssuerSettings['client']>,
  clock: () => number,
): Questioner => {
  const fields = (token: string) => ({ token, token_type_hint: 'access_token' })
  const read: Questioner['read'] = (answer) => answer
  if ('secret' in client) {
    const headers = { ...FORM, authorization: basicAuthorization(client.id, client.secret) }
    return { ask: async (token) => ({ headers, body: form(fields(token)) }), read }
  }
  return {
    async ask(token) {
      const client_assertion = await signAssertion(client.key, client.id, issuer, clock())
      const own = { client_id: client.id, client_assertion_type: ASSERTION_TYPE, client_assertion }
      return { headers: FORM, body: form({ ...fields(token), ...own }) }
    },
    read,
  }
}

/** An endpoint that answers 200 for a good token, with numbers as text, and 400 for any other. */
const tokeninfo: Questioner = {
  ask: async (token) => ({ headers: FORM, body: form({ access_token: token }) }),
  read(answer) {
    const { exp, azp } = answer
    // Without an end it would be one that never comes.
    const seconds = typeof exp === 'string' && /^[0-9]{1,12}$/.test(exp) ? Number(exp) : exp
    return {
      ...answer,
      active: typeof seconds === 'number',
      exp: seconds,
      ...(azp === undefined ? {} : { client_id: azp }),
    }
  },
}

/** Undefined for an issuer that is never asked. */
export const questionerOf = (settings: IssuerSettings, clock: () => number): Questioner | undefined => {
  if (settings.mode === 'tokeninfo') return tokeninfo
  return settings.client === undefined ? undefined : introspecting(settings.issuer, settings.client, clock)
}
