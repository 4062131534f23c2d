import { setTimeout as sleep } from 'node:timers/promises'
import * as oauth from 'oauth4webapi'
import { invalid, optionalFunction, refuseUnknown } from '../../checks.ts'
import { OAuth2Error, quote } from '../../errors.ts'
import { checkShown } from '../../http/url.ts'
import { needEndpoint } from '../authorization-server.ts'
import { denied, translated } from '../client-errors.ts'
import type { DeviceFlowOptions, OAuthClient } from '../client-types.ts'
import type { GrantContext } from './context.ts'

const FIELDS = ['prompt', 'signal', 'wait', 'scopes', 'resource']
/** RFC 8628 section 3.5. */
const DEFAULT_INTERVAL_SEC = 5
const SLOWER_SEC = 5
const MAX_INTERVAL_SEC = 60
const MAX_LIFE_SEC = 3600

const pause = async (ms: number, signal?: AbortSignal): Promise<void> => {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error
  }
}

const begin = async (context: GrantContext, given: DeviceFlowOptions) => {
  const { scopes, resource } = context.wanted(given)
  try {
    const found = await context.server()
    needEndpoint(found, 'deviceAuthorization')
    const { as, client, auth, request } = found
    const parameters = {
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...(resource === undefined ? {} : { resource }),
    }
    const { DPoP: _notHere, ...plain } = request
    const response = await oauth.deviceAuthorizationRequest(as, client, auth, parameters, plain)
    return { answer: await oauth.processDeviceAuthorizationResponse(as, client, response), scopes, resource }
  } catch (error) {
    throw translated('device authorization', error)
  }
}

export const deviceFlow =
  (context: GrantContext): OAuthClient['deviceFlow'] =>
  async (given) => {
    refuseUnknown('deviceFlow options', given, FIELDS)
    const { prompt, signal, wait = pause } = given
    if (typeof prompt !== 'function') throw invalid('deviceFlow needs a prompt')
    optionalFunction('wait', given.wait)
    const { clock } = context.settings
    const { answer, scopes, resource } = await begin(context, given)
    const { user_code: userCode, device_code: deviceCode, verification_uri_complete: complete } = answer
    if (!/^[\x20-\x7e]{1,64}$/.test(userCode)) {
      throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the user code ${quote(userCode)} cannot be shown`)
    }
    const expiresAtMs = clock() + Math.min(answer.expires_in, MAX_LIFE_SEC) * 1000
    await prompt({
      userCode,
      verificationUri: checkShown('verification_uri', answer.verification_uri),
      ...(complete === undefined ? {} : { verificationUriComplete: checkShown('verification_uri_complete', complete) }),
      expiresAtMs,
    })
    let intervalSec = Math.min(Math.max(answer.interval ?? DEFAULT_INTERVAL_SEC, 1), MAX_INTERVAL_SEC)
    for (;;) {
      await wait(intervalSec * 1000, signal)
      signal?.throwIfAborted()
      if (clock() >= expiresAtMs) throw denied('device authorization', 'expired_token', undefined)
      try {
        return await context.tokens(
          'device authorization',
          { scopes, resource },
          ({ as, client, auth, request }) =>
            oauth.deviceCodeGrantRequest(as, client, auth, deviceCode, {
              ...request,
              additionalParameters: resource === undefined ? {} : { resource },
            }),
          ({ as, client }, response) => oauth.processDeviceCodeResponse(as, client, response),
        )
      } catch (error) {
        const { error: why, code } = error as OAuth2Error
        if (why === 'slow_down') intervalSec = Math.min(intervalSec + SLOWER_SEC, MAX_INTERVAL_SEC)
        // The user may still be reading; an outage may end before the code does.
        else if (why !== 'authorization_pending' && code !== 'ERR_OAUTH2_UNAVAILABLE') throw error
      }
    }
  }
