import { runReadme } from '@portcullis-internal/testing'
import { expect, it } from 'vitest'

it('the program in README.md prints what README.md says', () => {
  const { printed, shown, errors } = runReadme(new URL('..', import.meta.url))
  expect(errors).toBe('')
  expect(shown.length).toBeGreaterThan(0)
  expect(printed).toEqual(shown)
})
