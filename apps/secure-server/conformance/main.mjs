// npm run conformance: the official suites against one and the same server, bare and behind the guard.
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startProxy } from './proxy.mjs'
import { compare, figuresOf, readResults } from './results.mjs'
import { provideSuites } from './suites.mjs'

const limitMs = 180_000
const out = mkdtempSync(join(tmpdir(), 'portcullis-conformance-'))
/** What is to be ended, however this ends. */
const endings = [() => rmSync(out, { recursive: true, force: true })]

/** A program of ours, and the first thing that it says. */
const start = async (script, args = [], options = {}) => {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, options)
  endings.push(() => child.connected && child.disconnect())
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ended with ${code}`)
  })
  const [said] = await Promise.race([once(child, 'message'), ended])
  ended.catch(() => {})
  return { child, said }
}

const targets = {
  bare: async () => (await start('bare.mjs')).said,
  'API key': async () => (await start('guarded.mjs', ['key'])).said,
  async OAuth(node) {
    const { child, said } = await start('authorization-server.mjs', [], {
      execPath: node,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    const { url, resource } = (await start('guarded.mjs', ['oauth2', said.issuer])).said
    child.send({ resource })
    const [{ token }] = await once(child, 'message')
    return { url, headers: { authorization: `Bearer ${token}` } }
  },
}

const runSuite = async (node, args, url, dir) => {
  const child = spawn(node, [...args, '--url', url, '-o', dir], { stdio: 'ignore', timeout: limitMs })
  const [code, signal] = await once(child, 'exit')
  if (signal !== null) throw new Error(`a suite did not end within ${limitMs / 1000} s`)
  // What is required and not met is in the exit code.
  return { met: code === 0, checks: readResults(dir) }
}

const main = async () => {
  const { node, suites } = provideSuites()
  const results = {}
  for (const [target, begin] of Object.entries(targets)) {
    const { url, headers } = await begin(node)
    const proxy = headers === undefined ? undefined : await startProxy(url, headers)
    if (proxy !== undefined) endings.push(proxy.close)
    results[target] = {}
    for (const [index, [suite, args]] of Object.entries(suites).entries()) {
      const dir = join(out, `${Object.keys(results).length}-${index}`)
      results[target][suite] = await runSuite(node, args, proxy?.url ?? url, dir)
    }
  }
  return report(Object.keys(suites), results)
}

const report = (suites, results) => {
  const behind = Object.keys(results).filter((target) => target !== 'bare')
  const table = {}
  const [losses, silences, unmet] = [new Set(), new Set(), []]
  for (const suite of suites) {
    table[suite] = {}
    for (const [target, { [suite]: run }] of Object.entries(results)) {
      const { passed, failed, warned } = figuresOf(run.checks)
      table[suite][target] = `${passed}/${failed}${warned === 0 ? '' : ` (${warned} warnings)`}`
      if (!run.met) unmet.push(`${target}: ${suite}`)
    }
    for (const target of behind) {
      const { lost, unasked } = compare(results.bare[suite].checks, results[target][suite].checks)
      for (const each of lost) losses.add(`${target}: ${suite}: ${each}`)
      for (const each of unasked) silences.add(`${target}: ${suite}: ${each}`)
    }
  }
  const list = (words, items) => {
    const all = [...items]
    console.log(all.length === 0 ? `${words}: none` : `${words}:\n${all.map((item) => `  ${item}`).join('\n')}`)
  }
  console.log('Checks passed/failed:')
  console.table(table)
  list('Requirements not met', unmet)
  list('Passed bare, failed behind the guard', losses)
  list('Passed bare, not asked behind the guard', silences)
  return unmet.length === 0 && losses.size === 0 && silences.size === 0
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  for (const end of endings.toReversed()) end()
}
