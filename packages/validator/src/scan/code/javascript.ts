import { findWithin, isSpace, isWord, skipSpace, wordEnd, words } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { callParenthesis } from './calls.ts'

/** Calls that no value holds. */
const CALLS = words(
  `alert confirm prompt eval settimeout setinterval setimmediate execscript fromcharcode atob btoa importscripts xmlhttprequest activexobject unescape decodeuricomponent encodeuricomponent
  escape execcommand insertadjacenthtml createelement getelementbyid getelementsbytagname queryselector addeventlistener appendchild postmessage fetch sendbeacon execfile execsync spawnsync
  readfilesync writefilesync readfile`,
)
/** Objects, with the members that make a use of them telling; `*` stands for any member by name or by bracket. */
const OBJECTS: Readonly<Record<string, ReadonlySet<string>>> = {
  document: words(
    'cookie domain write writeln location body url documenturi documentelement createelement getelementbyid getelementsbytagname queryselector forms referrer execcommand defaultview implementation open all images links head scripts title vulnerable',
  ),
  window: words(
    'location name open alert eval onload onerror opener parent top frames document settimeout localstorage sessionstorage confirm prompt',
  ),
  self: words('location name alert eval confirm prompt document parent'),
  top: words('location alert eval confirm prompt document'),
  parent: words('location alert eval confirm prompt document'),
  frames: words('location alert document'),
  globalthis: words('process alert eval require'),
  global: words('process require'),
  location: words('href hash search replace assign host hostname pathname protocol'),
  console: words('log info error warn debug dir trace table assert clear time timeend group'),
  process: words('env mainmodule binding exit argv kill execargv stdin stdout dlopen config versions cwd chdir abort'),
  module: words('exports constructor require'),
  constructor: words('constructor prototype'),
  reflect: words('construct apply get set ownkeys'),
  object: words('prototype constructor defineproperty setprototypeof assign'),
  string: words('fromcharcode raw prototype'),
  navigator: words('sendbeacon useragent'),
  response: words('write end redirect'),
  res: words('end'),
  localstorage: words('getitem setitem'),
  sessionstorage: words('getitem setitem'),
  child_process: words('exec execsync spawn fork execfile'),
}
const WHOLE = words(
  '_$$nd_func$$_ __js_function __proto__ __defineGetter__ __definegetter__ __definesetter__ __lookupgetter__ __lookupsetter__ child_process __dirname __filename mainmodule',
)

const QUERIES = words(
  'find findone insert insertone update updateone remove drop aggregate deleteone deletemany getcollection count mapreduce',
)

/** JavaScript in a value: calls and members that reach for a page, a process or a prototype. */
export function scanJavaScript(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (!isWord(code) && code !== 0x24) {
      if (code === 0x5b) bracket(text, i, hit)
      else if (code === 0x60) taggedTemplate(text, i, hit)
      continue
    }
    let end = i
    while (isWord(text.charCodeAt(end)) || text.charCodeAt(end) === 0x24) end++
    if (end - i >= 2 && end - i <= 24) word(text, i, end, hit)
    else if (end === i + 1 && code === 0x24) selector(text, i, hit)
    i = end - 1
  }
}

function word(text: string, at: number, end: number, hit: Hit): void {
  const name = text.slice(at, end).toLowerCase()
  const next = text.charCodeAt(end)
  if (CALLS.has(name)) {
    const call = callParenthesis(text, end)
    if (
      (text.charCodeAt(at - 1) === 0x3d || text.charCodeAt(at - 1) === 0x28) &&
      (next === 0x2c || next === 0x3b || next === 0x29) &&
      name.length <= 7
    )
      return hit('code.javascript', at)
    if (next === 0x5c && text.charCodeAt(skipBackslashes(text, end)) === 0x60) return hit('code.javascript', at)
    if (next === 0x60 || (call !== undefined && (call.gap !== 'space' || startsLiteral(text.charCodeAt(call.at + 1)))))
      hit('code.javascript', at)
    else if (next === 0x29 && (text.charCodeAt(end + 1) === 0x28 || text.charCodeAt(end + 1) === 0x60))
      hit('code.javascript', at)
    return
  }
  if (WHOLE.has(name)) return hit('code.javascript', at)
  if (Object.hasOwn(OBJECTS, name)) return object(text, at, end, OBJECTS[name] as ReadonlySet<string>, name, hit)
  if (name === 'function') {
    const call = callParenthesis(text, skipName(text, end))
    if (call !== undefined) functionBody(text, at, call.at, hit)
    return
  }
  if (name === 'require' || name === 'import') {
    const call = callParenthesis(text, end)
    const opens = call?.gap === 'none' ? call.at : next === 0x5b ? end : -1
    if (opens < 0) return
    const argument = text.charCodeAt(skipSpace(text, opens + 1))
    if (argument === 0x27 || argument === 0x22 || argument === 0x60 || next === 0x5b) hit('code.javascript', at)
    return
  }
  if (name === 'while' || name === 'for') {
    const call = callParenthesis(text, end)
    if (call !== undefined) endless(text, at, skipSpace(text, call.at + 1), hit)
    return
  }
  if (name === 'new') {
    const from = skipSpace(text, end)
    const of = text.slice(from, wordEnd(text, from)).toLowerCase()
    if (of === 'function' && callParenthesis(text, wordEnd(text, from)) !== undefined) hit('code.javascript', at)
    return
  }
  if (name === 'innerhtml' || name === 'outerhtml' || name === 'srcdoc') {
    if (text.charCodeAt(at - 1) === 0x2e) hit('code.javascript', at)
    return
  }
  if (name === 'db' && next === 0x2e) {
    const collection = wordEnd(text, end + 1)
    const method = text.slice(collection + 1, Math.min(wordEnd(text, collection + 1), collection + 20)).toLowerCase()
    if (text.charCodeAt(collection) === 0x2e && QUERIES.has(method)) hit('code.javascript', at)
    return
  }
  if (name === 'prototype' && text.charCodeAt(at - 1) === 0x3a && (next === 0x3a || next === 0x22))
    return hit('code.javascript', at)
  if (name === 'return') {
    // `';return true` in a condition that a database evaluates.
    let before = at - 1
    while (isSpace(text.charCodeAt(before))) before--
    const from = skipSpace(text, end)
    const value = text.charCodeAt(from)
    if (
      text.charCodeAt(before) === 0x3b &&
      (value === 0x27 ||
        value === 0x22 ||
        value === 0x28 ||
        value === 0x21 ||
        text.startsWith('true', from) ||
        text.startsWith('this', from))
    )
      hit('code.javascript', at)
  }
}

function object(text: string, at: number, end: number, members: ReadonlySet<string>, name: string, hit: Hit): void {
  let i = end
  // `(document)["cookie"]`
  if (text.charCodeAt(i) === 0x29 && text.charCodeAt(at - 1) === 0x28) i++
  while (isSpace(text.charCodeAt(i)) && i < end + 8) i++
  if (text.charCodeAt(i) === 0x3f && text.charCodeAt(i + 1) === 0x2e) i++
  const code = text.charCodeAt(i)
  if (code === 0x2e) {
    const from = skipSpace(text, i + 1)
    const member = text.slice(from, Math.min(wordEnd(text, from), from + 24)).toLowerCase()
    if (members.has(member)) hit('code.javascript', at)
  } else if (code === 0x5b) {
    const inside = text.charCodeAt(skipSpace(text, i + 1))
    const opaque =
      name === 'process' ||
      name === 'window' ||
      name === 'top' ||
      name === 'self' ||
      name === 'parent' ||
      name === 'document' ||
      name === 'globalthis' ||
      name === 'global' ||
      name === 'constructor' ||
      name === 'frames'
    if (
      opaque &&
      (inside === 0x27 ||
        inside === 0x22 ||
        inside === 0x60 ||
        inside === 0x28 ||
        inside === 0x2f ||
        name === 'process' ||
        name === 'document' ||
        /[\w$]/.test(String.fromCharCode(inside)))
    )
      hit('code.javascript', at)
  } else if (name === 'location' && code === 0x3d && text.charCodeAt(i + 1) !== 0x3d) {
    const value = text.charCodeAt(skipSpace(text, i + 1))
    const owner = text.charCodeAt(at - 1)
    if (owner === 0x2e || value === 0x27 || value === 0x22 || value === 0x60) hit('code.javascript', at)
  }
}

/** A digit, a quote, a slash or nothing: an argument of code, not a remark in parentheses. */
const startsLiteral = (code: number): boolean =>
  (code >= 0x2f && code <= 0x39) || code === 0x22 || code === 0x27 || code === 0x60 || code === 0x29

function skipBackslashes(text: string, from: number): number {
  let i = from
  while (i < from + 8 && text.charCodeAt(i) === 0x5c) i++
  return i
}

/** ``call`${alert}` ``: a template that a function is called with. */
function taggedTemplate(text: string, at: number, hit: Hit): void {
  let before = at - 1
  while (before > at - 8 && isSpace(text.charCodeAt(before))) before--
  if (!isWord(text.charCodeAt(before)) && text.charCodeAt(before) !== 0x5d) return
  const inside = skipSpace(text, at + 1)
  if (text.charCodeAt(inside) === 0x24 && text.charCodeAt(inside + 1) === 0x7b) hit('code.javascript', at)
}

/** `$("a").click()` */
function selector(text: string, at: number, hit: Hit): void {
  const quote = text.charCodeAt(at + 2)
  if (text.charCodeAt(at + 1) !== 0x28 || (quote !== 0x22 && quote !== 0x27)) return
  const close = findWithin(text, ')', at + 3, 96)
  if (close > 0 && text.charCodeAt(close + 1) === 0x2e) hit('code.javascript', at)
}

function skipName(text: string, from: number): number {
  const start = skipSpace(text, from)
  return Math.min(wordEnd(text, start), start + 24)
}

/** `function (...) {` */
function functionBody(text: string, at: number, open: number, hit: Hit): void {
  for (let i = open + 1; i < open + 80; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x29) {
      if (text.charCodeAt(skipSpace(text, i + 1)) === 0x7b) hit('code.javascript', at)
      return
    }
    if (!isWord(code) && code !== 0x2c && !isSpace(code)) return
  }
}

/** `while(true)`, `while(!'')`, `for(;;)`: a constant condition. */
function endless(text: string, at: number, condition: number, hit: Hit): void {
  const code = text.charCodeAt(condition)
  if (code === 0x21 || code === 0x3b || code === 0x2b || code === 0x2d) return hit('code.javascript', at)
  const end = wordEnd(text, condition)
  if (text.charCodeAt(skipSpace(text, end)) !== 0x29 || end === condition) return
  const name = text.slice(condition, Math.min(end, condition + 16))
  if (/^(true|1|\d+|Infinity|NaN|String|Number|Object|Array|Date|Math|this|self|window)$/.test(name))
    hit('code.javascript', at)
}

/** `["constructor"]`, `['al'+'ert']`, `[]["filter"]`: names put together where a member is looked up. */
function bracket(text: string, at: number, hit: Hit): void {
  const quote = text.charCodeAt(at + 1)
  if (
    quote === 0x5d &&
    text.charCodeAt(at + 2) === 0x5b &&
    (text.charCodeAt(at + 3) === 0x28 ||
      text.charCodeAt(at + 3) === 0x21 ||
      text.charCodeAt(at + 3) === 0x22 ||
      text.charCodeAt(at + 3) === 0x27)
  )
    return hit('code.javascript', at)
  if (quote !== 0x27 && quote !== 0x22) return
  const end = wordEnd(text, at + 2)
  if (end === at + 2 || text.charCodeAt(end) !== quote) return
  const name = text.slice(at + 2, Math.min(end, at + 32)).toLowerCase()
  const next = text.charCodeAt(end + 1)
  if (name === 'constructor' || name === '__proto__' || name === 'prototype' || (CALLS.has(name) && next === 0x5d))
    hit('code.javascript', at)
  else if (next === 0x2b && (text.charCodeAt(end + 2) === 0x27 || text.charCodeAt(end + 2) === 0x22))
    hit('code.javascript', at)
}
