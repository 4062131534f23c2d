import { z } from 'zod'

const strings = z.array(z.string())
const limit = z.strictObject({
  requests: z.int().min(1).max(1_000_000_000),
  windowMs: z.int().min(1).max(31_622_400_000),
})
const port = z.int().min(0).max(65_535)

const rule = z.strictObject({
  match: z.string(),
  requireScopes: strings.optional(),
  arguments: z.record(z.string(), strings).optional(),
  cost: z.int().min(0).max(1_000_000).optional(),
  limit: limit.optional(),
  mode: z.enum(['enforce', 'monitor']).optional(),
})

/** The configuration file. Every key is optional; what is not here is an error. */
export const schema = z.strictObject({
  name: z.string().min(1).max(128).optional(),
  listen: z
    .strictObject({
      host: z.string().min(1).optional(),
      port: port.optional(),
      path: z
        .string()
        .regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be a path such as /mcp')
        .optional(),
      publicUrl: z.url({ protocol: /^https?$/ }).optional(),
      allowedHosts: strings.optional(),
      allowedOrigins: strings.optional(),
      trustedProxies: strings.optional(),
    })
    .optional(),
  operations: z
    .union([z.literal(false), z.strictObject({ host: z.string().min(1).optional(), port: port.optional() })])
    .optional(),
  auth: z
    .strictObject({
      inBand: z.boolean().optional(),
      apiKeys: z
        .union([
          z.literal(false),
          z.strictObject({
            store: z.literal('file').optional(),
            header: z
              .string()
              .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
              .optional(),
            prefix: z
              .string()
              .regex(/^[a-z]{2,10}$/, 'must be two to ten lower-case letters')
              .optional(),
            // A key file is looked at every 250 ms: whatever is allowed here is kept.
            maxStaleMs: z.int().min(250).max(3_600_000).optional(),
          }),
        ])
        .optional(),
      anonymous: strings.optional(),
    })
    .optional(),
  policy: z
    .strictObject({
      implies: z.record(z.string(), strings).optional(),
      rules: z.array(rule).optional(),
    })
    .optional(),
  rateLimit: z
    .strictObject({
      store: z.literal('memory').optional(),
      anonymous: limit.optional(),
      api_key: limit.optional(),
      refusals: z.enum(['http', 'result']).optional(),
    })
    .optional(),
  validation: z
    .strictObject({
      preset: z.enum(['off', 'standard', 'strict']).optional(),
      maxBodyBytes: z.int().min(1024).max(67_108_864).optional(),
      maxDepth: z.int().min(4).max(1000).optional(),
      blockedAddresses: strings.optional(),
    })
    .optional(),
  audit: z
    .union([
      z.literal(false),
      z.strictObject({ file: z.string().min(1).optional(), onFailure: z.enum(['block', 'continue']).optional() }),
    ])
    .optional(),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).optional(),
      format: z.enum(['auto', 'json', 'text']).optional(),
    })
    .optional(),
})

export type Configuration = z.infer<typeof schema>
