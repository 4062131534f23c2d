// One middleware: counts each request, says how much is left, and answers 429 when nothing is.
import { rateLimitFields, retryAfterSec } from '@portcullis/ratelimit'

export const limitRequests =
  (limiter, keyOf = (request) => request.ip) =>
  (request, response, next) => {
    const result = limiter.check(keyOf(request))
    response.set(rateLimitFields(result))
    if (result.allowed) return next()
    const seconds = retryAfterSec(result)
    response
      .set('Retry-After', `${seconds}`)
      .status(429)
      .json({ error: `Too many requests. Try again in ${seconds} s.` })
  }
