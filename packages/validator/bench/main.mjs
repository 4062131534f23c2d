// CPU time of the checks against JSON.parse (which everybody pays) and against the specification's way: JSON.stringify and four regular expressions, on V8 and on re2js.
// `--write` puts the tables into the README.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RE2JS } from 're2js'
import { createValidator } from '../dist/index.js'

const WORDS =
  'the quick brown fox jumps over a lazy dog and then some more words, with punctuation. It is (mostly) plain text; nothing special & nothing odd - 100% fine/ok'.split(
    ' ',
  )
/** An honest call: many objects with texts of one line. */
const documentOf = (bytes) => {
  const items = []
  for (let length = 0, i = 0; length < bytes; i++) {
    const text = Array.from({ length: 8 + (i % 9) }, (_, k) => WORDS[(i * 7 + k * 3) % WORDS.length]).join(' ')
    items.push({ id: i, name: `item ${i}`, text, tags: ['alpha', `beta-${i}`] })
    length += text.length + 70
  }
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 't', arguments: { items } } }
}
const PATTERNS = [/\.\.\//i, /<script/i, /union.*select/i, /eval\(/i]
const LINEAR = ['(?i)\\.\\./', '(?i)<script', '(?i)union.*select', '(?i)eval\\('].map((pattern) =>
  RE2JS.compile(pattern),
)

/** The best of several rounds, in microseconds of CPU time for one call. */
const cpu = (run, times) => {
  run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < times; i++) run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / times)
  }
  return best
}

const validator = createValidator({ maxBodyBytes: 4_194_304, maxKeys: 100_000, maxNodes: 1_000_000 })
const us = (value) => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
const times = (value, floor) => `${(value / floor).toFixed(1)}x`

const benign = [
  ['1 KiB', 1024, 2000],
  ['64 KiB', 65_536, 60],
  ['1 MiB', 1_048_576, 5],
].map(([label, bytes, count]) => {
  const value = documentOf(bytes)
  const text = JSON.stringify(value)
  const args = value.params.arguments
  const parse = cpu(() => JSON.parse(text), count)
  const guard = cpu(() => validator.checkText(text), count)
  const call = cpu(() => validator.checkCall({ server: 'local', tool: 't', arguments: args }), count)
  const patterns = cpu(() => {
    const written = JSON.stringify(value)
    return PATTERNS.some((pattern) => pattern.test(written))
  }, count)
  const linear = cpu(
    () => {
      const written = JSON.stringify(value)
      return LINEAR.some((pattern) => pattern.test(written))
    },
    Math.max(1, count / 10),
  )
  return `| ${label} | ${us(parse)} | ${us(guard)} | ${us(call)} | ${us(guard + call)} = ${times(guard + call, parse)} | ${us(patterns)} = ${times(patterns, parse)} | ${us(linear)} = ${times(linear, parse)} |`
})

const hostile = [
  ['letters', 'a'],
  ['quotes', "'"],
  ['percent', '%25'],
  ['references', '&amp;'],
  ['union', 'union '],
  ['tags', '<script '],
  ['brackets', '('],
  ['commands', ';cat '],
  ['expansions', '${'],
  ['zero width', '\u200b'],
  ['ligatures', '\ufdfa'],
  ['backticks', '`'],
].map(([label, part]) => {
  const text = part.repeat(Math.ceil(1_000_000 / Buffer.byteLength(part)))
  const raw = JSON.stringify({ text })
  const cost =
    cpu(() => validator.checkText(raw), 2) +
    cpu(() => validator.checkCall({ server: 'local', tool: 't', arguments: { text } }), 2)
  const parse = Math.max(
    cpu(() => JSON.parse(raw), 3),
    1,
  )
  const declared = cpu(() => validator.checkValue(text.slice(0, 16_000), 'string'), 5)
  return `| ${label} | ${us(parse)} | ${us(cost)} = ${times(cost, parse)} | ${us(declared)} |`
})

const report = [
  '| honest call | `JSON.parse` | text | call | both | stringify + 4 patterns | the same on re2js |',
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ...benign,
  '',
  '| hostile text of 1 MB | `JSON.parse` | text and call | a `string` of 16,000 characters |',
  '| --- | ---: | ---: | ---: |',
  ...hostile,
].join('\n')
console.log(`microseconds of CPU time, Node ${process.versions.node}\n\n${report}`)

if (process.argv.includes('--write')) {
  const path = join(import.meta.dirname, '../README.md')
  const readme = readFileSync(path, 'utf8')
  const [before, rest] = readme.split('<!-- speed -->')
  const after = rest?.split('<!-- /speed -->')[1]
  if (after === undefined) throw new Error('README.md has no place for the speeds')
  writeFileSync(
    path,
    `${before}<!-- speed -->\n\nMicroseconds, Node ${process.versions.node}.\n\n${report}\n\n<!-- /speed -->${after}`,
  )
}
