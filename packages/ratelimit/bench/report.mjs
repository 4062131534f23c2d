// Tables of what was measured, with the goals beneath.
import { metrics, ours, titles } from './cells.mjs'

const isPeer = ({ adapter }) => !ours.includes(adapter)
const better = (metric, one, other) => (metrics[metric].up ? one > other : one < other)
const bestOf = (rows, metric) =>
  rows.reduce((best, row) => (best === undefined || better(metric, row[metric], best[metric]) ? row : best), undefined)
const show = (metric, value) => (value === undefined ? '–' : value.toFixed(metrics[metric].digits))
const nameOf = ({ adapter, auto }) => `${titles[adapter]}${auto ? ' (auto-pipelining)' : ''}`

/** What counts most in the cell, and what ratios are of. */
const mainMetric = (rows) => ['rate', 'cpuNs'].find((metric) => rows[0][metric] !== undefined)

/** Of the two ways that a peer was run the better one. */
export const betterOf = (rows) => {
  const chosen = new Map()
  for (const row of rows) {
    const other = chosen.get(row.adapter)
    if (other === undefined || row.rate > other.rate) chosen.set(row.adapter, row)
  }
  return [...chosen.values()]
}

const goalLine = (rows, { ours: adapter, metric, than, factor, atMost }) => {
  const value = rows.find((row) => row.adapter === adapter)?.[metric]
  const peer =
    than === 'best peer' ? bestOf(rows.filter(isPeer), metric) : rows.find((row) => titles[row.adapter] === than)
  const figure = than === undefined ? value : value / peer?.[metric]
  if (figure === undefined || Number.isNaN(figure)) return undefined
  const reached = atMost ? figure <= factor : figure >= factor
  const of = than === undefined ? '' : ` × ${than}${than === 'best peer' ? ` (${nameOf(peer)})` : ''}`
  return `- goal: ${metrics[metric].title} ${atMost ? '≤' : '≥'} ${factor}${of}; here **${figure.toFixed(2)}**, ${reached ? 'reached' : 'missed'}`
}

export const tableOf = (cell, rows) => {
  const columns = Object.keys(metrics).filter((metric) => rows.some((row) => row[metric] !== undefined))
  const main = mainMetric(rows)
  const best = bestOf(rows.filter(isPeer), main)?.[main]
  const rlf = rows.find(({ adapter }) => adapter === 'rlf')?.[main]
  const ratio = (value, of) => (of === undefined ? '–' : (value / of).toFixed(2))
  const head = ['limiter', ...columns.map((metric) => metrics[metric].title), '÷ best peer', '÷ rate-limiter-flexible']
  const lines = rows.map((row) => [
    nameOf(row),
    ...columns.map((metric) => show(metric, row[metric])),
    ratio(row[main], best),
    ratio(row[main], rlf),
  ])
  const goals = cell.goals.map((goal) => goalLine(rows, goal)).filter(Boolean)
  return [
    `## ${cell.title}`,
    '',
    ...[head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`),
    ...(goals.length > 0 ? ['', ...goals] : []),
    '',
    `Ratios are of ${metrics[main].title}${metrics[main].up ? ', more is better' : ', less is better'}.`,
    '',
  ].join('\n')
}
