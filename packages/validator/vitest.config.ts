import { defineConfig } from 'vitest/config'

// Thousands of cases and real servers on machines that have other work to do: no test is about time.
export default defineConfig({ test: { testTimeout: 120_000, hookTimeout: 120_000 } })
