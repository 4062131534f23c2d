import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What a run of a suite left in `dir`: the outcomes of each check of each scenario, in order. A check may be made more than once
 * under one id. A scenario that broke off is a check that failed.
 */
export const readResults = (dir) => {
  const checks = new Map()
  const add = (key, outcome) => checks.set(key, [...(checks.get(key) ?? []), outcome])
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    // `server-tools-list-2026-01-31T12-00-00-000Z`
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/, '')
    const file = join(dir, name, 'checks.json')
    if (!existsSync(file)) {
      add(`${scenario}: scenario`, { check: 'scenario', status: 'FAILURE', errorMessage: 'it broke off' })
      continue
    }
    for (const { id, name: check, status, errorMessage } of JSON.parse(readFileSync(file, 'utf8'))) {
      add(`${scenario}: ${id}`, { check, status, errorMessage })
    }
  }
  return checks
}

const count = (outcomes, status) => outcomes.filter((outcome) => outcome.status === status).length

/** `passed/failed`, as the suites count. */
export const figuresOf = (checks) => {
  const all = [...checks.values()].flat()
  return { passed: count(all, 'SUCCESS'), failed: count(all, 'FAILURE'), warned: count(all, 'WARNING') }
}

/**
 * What the guard costs. `lost`: checks that fail more often behind it than bare, or pass less often and are warned about. `unasked`: checks
 * that pass bare and that a suite does not come to, because what they are about is optional and was not offered.
 */
export const compare = (bare, guarded) => {
  const lost = []
  const unasked = []
  for (const key of new Set([...bare.keys(), ...guarded.keys()])) {
    const [before, behind] = [bare.get(key) ?? [], guarded.get(key) ?? []]
    const fewer = count(behind, 'SUCCESS') < count(before, 'SUCCESS')
    const worse = count(behind, 'FAILURE') > count(before, 'FAILURE') || (fewer && count(behind, 'WARNING') > 0)
    if (worse) {
      const { check, errorMessage } = behind.find(({ status }) => status === 'FAILURE' || status === 'WARNING')
      lost.push(`${key} (${check}): ${errorMessage ?? 'no reason given'}`)
    } else if (fewer) {
      unasked.push(key)
    }
  }
  return { lost, unasked }
}
