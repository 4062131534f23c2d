import { runReadme } from '@portcullis-internal/testing'
import { expect, it } from 'vitest'

it.each([0, 1])('program %i in README.md prints what README.md says', { timeout: 60_000 }, (nth) => {
  const { printed, shown, errors } = runReadme(new URL('..', import.meta.url), {}, nth)
  expect(errors).toBe('')
  expect(shown.length).toBeGreaterThan(2)
  expect(printed).toEqual(shown)
})
