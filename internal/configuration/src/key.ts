import { z } from 'zod'

/** A key of the file: what it is for, and what stands without it. The reference in `docs/` and the JSON Schema are made of these. */
export const key = <T extends z.ZodType>(type: T, description: string, fallback?: unknown): z.ZodOptional<T> =>
  type.optional().meta({ description, ...(fallback === undefined ? {} : { default: fallback }) }) as z.ZodOptional<T>

export const text = z.string().min(1)
export const strings = z.array(z.string())
