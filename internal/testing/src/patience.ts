import { vi } from 'vitest'

const TIMEOUT_MS = 20_000

/** `vi.waitFor` gives up after a second unless it is told otherwise, which a busy machine takes for a pause. */
const { waitFor } = vi
vi.waitFor = (check, options = {}) =>
  waitFor(check, { timeout: TIMEOUT_MS, ...(typeof options === 'number' ? { timeout: options } : options) })
