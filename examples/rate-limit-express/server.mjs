// An Express app in which nobody gets more than five answers in any ten seconds.
import { createRateLimiter } from '@portcullis/ratelimit'
import { limitRequests } from '@portcullis/ratelimit/http'
import express from 'express'

const policies = [{ name: 'per-address', algorithm: 'window', limit: 5, windowMs: 10_000 }]
const limiter = createRateLimiter({ limits: policies })
const app = express()
app.use(limitRequests({ limiter, policies }))
app.get('/', (_, response) => response.send('Hello!\n'))

export const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`)
})
