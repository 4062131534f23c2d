// How much of the corpora is refused, by class, beside the peers that can be run here. `--write` puts the tables into the README.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createValidator } from '../dist/index.js'
import { loadCorpora } from './corpora.mjs'
import { modsecurityPeers } from './peers/modsecurity.mjs'

const validator = createValidator()
/** The specification's patterns, on what JSON.stringify makes of the value. */
const PATTERNS = [/\.\.\//i, /<script/i, /union.*select/i, /eval\(/i]

const ours = {
  name: 'this package',
  // What is enforced for the kind of the value, as a tool's policy or schema would declare it; free text, documents and code have the kind `text`.
  blocks: (samples) => samples.map(({ payload, kind }) => validator.checkValue(payload, kind).length > 0),
}
const peers = [
  {
    name: 'the four patterns',
    blocks: (samples) =>
      samples.map(({ payload }) => PATTERNS.some((pattern) => pattern.test(JSON.stringify(payload)))),
  },
  ...modsecurityPeers().map(({ name, blocks }) => ({
    name,
    blocks: (samples) => blocks(samples.map(({ payload }) => payload)),
  })),
]
const all = [ours, ...peers]
const samples = loadCorpora().filter(({ label }) => label === 'attack' || label === 'benign')
const results = all.map((one) => one.blocks(samples))

const share = (count, of) => `${((100 * count) / of).toFixed(1)} %`
/** Wilson's interval at 95 %: what a share of so few tells of the whole. */
const interval = (count, of) => {
  const z = 1.96
  const p = count / of
  const middle = p + (z * z) / (2 * of)
  const width = z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))
  const down = Math.max(0, (middle - width) / (1 + (z * z) / of))
  const up = Math.min(1, (middle + width) / (1 + (z * z) / of))
  return `${(100 * down).toFixed(1)}–${(100 * up).toFixed(1)}`
}

const groups = new Map()
for (const [index, { class: name, kind, attack }] of samples.entries()) {
  const key = `${attack ? 'attack' : 'honest'} ${name} ${kind}`
  groups.set(key, [...(groups.get(key) ?? []), index])
}
const countOf = (result, indices) => indices.filter((index) => result[index]).length
const rowsOf = (wanted) =>
  [...groups]
    .filter(([key]) => key.startsWith(wanted))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, indices]) => {
      const [, name, kind] = key.split(' ')
      const counts = results.map((result) => countOf(result, indices))
      return { name, kind, of: indices.length, counts }
    })
const tableOf = (rows) => {
  const head = `| class | kind | samples | ${all.map(({ name }) => name).join(' | ')} | 95 % |`
  const line = `| --- | --- | ---: |${all.map(() => ' ---: |').join('')} ---: |`
  const body = rows.map(
    ({ name, kind, of, counts }) =>
      `| ${name.replaceAll('_', ' ')} | ${kind} | ${of} | ${counts.map((count) => share(count, of)).join(' | ')} | ${interval(counts[0], of)} |`,
  )
  return [head, line, ...body].join('\n')
}
const attacks = rowsOf('attack').filter(({ name }) => name !== 'prompt_injection')
const macro = all.map((_, at) =>
  share(
    attacks.reduce((sum, { counts, of }) => sum + counts[at] / of, 0),
    attacks.length,
  ),
)
const honest = rowsOf('honest')
const text = [
  `Attacks refused (prompt injection is recorded, not refused, and is not counted). Mean over the classes: ${all.map(({ name }, at) => `${name} ${macro[at]}`).join(', ')}.`,
  tableOf(attacks),
  'Honest values refused:',
  tableOf(honest),
].join('\n\n')
console.log(text)

if (process.argv.includes('--write')) {
  const path = join(import.meta.dirname, '../README.md')
  const readme = readFileSync(path, 'utf8')
  const [start, end] = ['<!-- rates -->', '<!-- /rates -->']
  const [before, rest] = readme.split(start)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error('README.md has no place for the rates')
  writeFileSync(path, `${before}${start}\n\n${text}\n\n${end}${after}`)
}
