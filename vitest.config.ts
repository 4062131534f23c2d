import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** For the tests of all workspaces: a busy machine is slow, and how fast it is proves nothing. */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    setupFiles: [fileURLToPath(new URL('internal/testing/src/patience.ts', import.meta.url))],
  },
})
