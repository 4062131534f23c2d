import {
  continues,
  findBackWithin,
  findWithin,
  isDigit,
  isSpace,
  isWord,
  skipSpace,
  wordEnd,
  words,
} from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { callParenthesis } from './calls.ts'

/** Functions that run, read, write or tell something; a call of one is no value. */
const FUNCTIONS = words(
  `exec passthru popen pcntl shell_exec proc_open eval assert unserialize phpinfo phpversion php_uname fopen fwrite fputs fread fgets readfile opendir readdir scandir glob unlink mkdir rmdir
  symlink readlink chmod chown chgrp fsockopen pfsockopen putenv getenv dl ini_set ini_get highlight_file show_source extract parse_str implode explode gzinflate gzuncompress gzdecode
  zlib_decode str_rot13 chr ord strrev create_function call_user_func array_map array_filter usort uasort preg_replace ereg move_uploaded_file copy printf sprintf vprintf print_r var_dump
  var_export fputcsv fgetcsv sqlite_query mysql_query getcwd getmypid get_current_user posix_getpwuid curl_exec curl_init header setcookie session_start mb_ereg_replace imap_open
  mail error_log debug_backtrace gethostbyname checkdate strtoupper simplexml_load_string simplexml_load_file loadxml include_once require_once base64_decode file_get_contents file_put_contents`,
)
/** Functions whose names are words; only a parenthesis without a gap, or one behind a comment, makes a call of them. */
const WORDY = words(
  'system file link date include require echo print die exit key list end range each join mail copy rename touch stat assert header extract hash sort count',
)
const SUPERGLOBALS = words(
  '_get _post _request _cookie _server _files _env _session globals http_raw_post_data _get_ argv php_errormsg',
)
const WRAPPERS = ['php', 'phar', 'zip', 'zlib', 'glob', 'expect', 'ogg', 'rar', 'bzip2', 'ssh2', 'data']
const DIRECTIVES = words(
  `allow_url_fopen allow_url_include auto_prepend_file auto_append_file disable_functions disable_classes display_errors error_log extension_dir include_path open_basedir safe_mode
  unserialize_max_depth precision register_globals sendmail_path session.save_path session.upload_progress.name upload_tmp_dir user_ini.filename zend_extension magic_quotes_gpc
  mbstring.regex_retry_limit mbstring.regex_stack_limit memory_limit output_buffering post_max_size short_open_tag expose_php enable_dl file_uploads log_errors max_execution_time html_errors`,
)

/** PHP in a value: tags, superglobals, stream wrappers, calls by name, by variable and by string. */
export function scanPhp(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x3c) {
      if (text.charCodeAt(i + 1) === 0x3f) tag(text, i, hit)
    } else if (code === 0x5b || code === 0x7b) {
      bracketTag(text, i, hit)
    } else if (code === 0x24) {
      variable(text, i, hit)
    } else if (code === 0x3a) {
      serialised(text, i, hit)
      if (text.charCodeAt(i + 1) === 0x2f && text.charCodeAt(i + 2) === 0x2f) wrapper(text, i, hit)
    } else if (code === 0x22 || code === 0x27 || code === 0x29 || code === 0x5d) {
      calledValue(text, i, code, hit)
    } else if (isWord(code)) {
      const end = wordEnd(text, i)
      if (end - i <= 40) word(text, i, end, hit)
      i = end - 1
    }
  }
}

function tag(text: string, at: number, hit: Hit): void {
  const next = text.charCodeAt(at + 2)
  if (continues(text, at + 2, 'php') && !isWord(text.charCodeAt(at + 5))) return hit('code.php', at)
  if (next === 0x3d || Number.isNaN(next)) return hit('code.php', at)
  if (isSpace(next)) return hit('code.php', at)
  // `<?xml :system('ls');` is no XML declaration.
  if (continues(text, at + 2, 'xml')) {
    if (text.charCodeAt(skipSpace(text, at + 5)) === 0x3a) hit('code.php', at)
  } else if (isWord(next)) {
    const end = wordEnd(text, at + 2)
    const name = text.slice(at + 2, Math.min(end, at + 34)).toLowerCase()
    if (
      (FUNCTIONS.has(name) || WORDY.has(name)) &&
      !isSpace(text.charCodeAt(end)) &&
      callParenthesis(text, end) !== undefined
    )
      hit('code.php', at)
  }
}

/** `[php]`, `{php}` and their ends, in templates and forums. */
function bracketTag(text: string, at: number, hit: Hit): void {
  const close = text.charCodeAt(at) === 0x5b ? 0x5d : 0x7d
  let i = at + 1
  const slash = text.charCodeAt(i)
  if (slash === 0x2f || slash === 0x5c) i++
  if (continues(text, i, 'php') && text.charCodeAt(i + 3) === close) hit('code.php', at)
}

/** Superglobals, `${...}` that computes a name, `$$x`, and variables that are called. */
function variable(text: string, at: number, hit: Hit): void {
  let i = at + 1
  while (text.charCodeAt(i) === 0x24 && i < at + 8) i++
  const doubled = i > at + 1
  if (isSpace(text.charCodeAt(i)) || text.charCodeAt(i) === 0x7b) {
    const brace = skipSpace(text, i)
    if (text.charCodeAt(brace) !== 0x7b || brace > i + 64) return
    const inner = skipSpace(text, brace + 1)
    const first = text.charCodeAt(inner)
    if (first === 0x24 || first === 0x27 || first === 0x22) return hit('code.php', at)
    const close = findWithin(text, '}', brace, 96)
    if (close > 0 && close < brace + 96 && callParenthesis(text, close + 1) !== undefined) hit('code.php', at)
    return
  }
  const end = wordEnd(text, i)
  if (end === i || isDigit(text.charCodeAt(i))) return
  const name = text.slice(i, Math.min(end, i + 24)).toLowerCase()
  if (
    SUPERGLOBALS.has(name) &&
    (text.charCodeAt(end) === 0x5b || text.charCodeAt(end) === 0x7b || !isWord(text.charCodeAt(end)))
  )
    return hit('code.php', at)
  // Indexes, then a call: `$a['x'](1)`, `$_[@-_](...)`, `$x{0}(1)`.
  let call = end
  let indexed = false
  for (let n = 0; n < 6; n++) {
    const open = skipComments(text, call)
    const bracket = text.charCodeAt(open)
    if (bracket !== 0x5b && bracket !== 0x7b) break
    const close = closing(text, open, bracket === 0x5b ? 0x5d : 0x7d)
    if (close < 0 || close > open + 64 || close === open + 1) return
    call = close + 1
    indexed = true
  }
  const parenthesis = callParenthesis(text, call)
  if (parenthesis === undefined) return
  if (parenthesis.gap === 'comment' && !indexed && text.charCodeAt(call) === 0x2f && text.charCodeAt(call + 1) === 0x2f)
    return
  if (doubled || indexed || parenthesis.gap !== 'space') hit('code.php', at)
}

/** Where the bracket at `open` closes, others in it counted, or -1. */
function closing(text: string, open: number, mark: number): number {
  const opening = text.charCodeAt(open)
  let depth = 0
  for (let i = open; i < open + 64; i++) {
    const code = text.charCodeAt(i)
    if (code === opening) depth++
    else if (code === mark && --depth === 0) return i
  }
  return -1
}

function skipComments(text: string, from: number): number {
  let i = skipSpace(text, from)
  for (let n = 0; n < 4; n++) {
    if (text.charCodeAt(i) === 0x2f && text.charCodeAt(i + 1) === 0x2a) {
      const close = findWithin(text, '*/', i + 2, 128)
      if (close < 0 || close > i + 128) return i
      i = skipSpace(text, close + 2)
    } else if (text.charCodeAt(i) === 0x23 || (text.charCodeAt(i) === 0x2f && text.charCodeAt(i + 1) === 0x2f)) {
      let end = i
      while (
        end < i + 64 &&
        end < text.length &&
        text.charCodeAt(end) !== 0x0a &&
        text.charCodeAt(end) !== 0x0d &&
        text.charCodeAt(end) !== 0x5b
      )
        end++
      i = skipSpace(text, end)
    } else break
  }
  return i
}

/** `O:8:"stdClass":1:{`, `a:2:{i:0;`: a serialised object or array. */
function serialised(text: string, colon: number, hit: Hit): void {
  const letter = text.charAt(colon - 1)
  if ((letter !== 'O' && letter !== 'C' && letter !== 'a') || isWord(text.charCodeAt(colon - 2))) return
  let i = colon + 1
  while (isDigit(text.charCodeAt(i)) && i < colon + 8) i++
  if (i === colon + 1 || text.charCodeAt(i) !== 0x3a) return
  const opens = text.charCodeAt(i + 1)
  if (letter === 'a' ? opens === 0x7b : opens === 0x22) hit('code.php', colon - 1)
}

function wrapper(text: string, colon: number, hit: Hit): void {
  let start = colon
  while (start > 0 && start > colon - 24 && (isWord(text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 0x2e))
    start--
  const name = text.slice(start, colon).toLowerCase()
  const dot = name.indexOf('.')
  const base = dot < 0 ? name : name.slice(0, dot)
  if (WRAPPERS.includes(base) || base === 'compress') hit('code.php', start)
}

/** `"system"(ls)`, `(system)(ls)`, `['system'][0]('x')`: a name as a value, called. */
function calledValue(text: string, at: number, code: number, hit: Hit): void {
  if (code === 0x22 || code === 0x27) joinedStrings(text, at, code, hit)
  const call = callParenthesis(text, at + 1)
  if (call === undefined || (call.gap === 'space' && code !== 0x5d)) return
  let i = at - 1
  if (code === 0x22 || code === 0x27) {
    while (i >= 0 && i > at - 40 && (isWord(text.charCodeAt(i)) || isSpace(text.charCodeAt(i)))) i--
    if (i < at - 3 && text.charCodeAt(i) === code) hit('code.php', i)
  } else if (code === 0x29) {
    while (
      i >= 0 &&
      i > at - 40 &&
      (isWord(text.charCodeAt(i)) ||
        isSpace(text.charCodeAt(i)) ||
        text.charCodeAt(i) === 0x22 ||
        text.charCodeAt(i) === 0x27)
    )
      i--
    const opened = text.charCodeAt(i)
    const quoted = text.charCodeAt(at - 1) === 0x22 || text.charCodeAt(at - 1) === 0x27
    if (
      i < at - 3 &&
      (opened === 0x28 || opened === 0x2f) &&
      (quoted || text.charCodeAt(call.at + 1) !== 0x29) &&
      (quoted || !isSpace(text.charCodeAt(i + 1)) || opened === 0x2f)
    ) {
      // `(a)(b)` is also how formulas and lists are written: a name of a function must be in it, or quotes.
      const inside = text
        .slice(i + 1, at)
        .trim()
        .toLowerCase()
      if (quoted || FUNCTIONS.has(inside) || WORDY.has(inside)) hit('code.php', Math.max(0, i))
    }
  } else {
    const inside = text.charCodeAt(at - 1)
    const opened = findBackWithin(text, '[', at, 24)
    if (
      opened >= 0 &&
      opened > at - 24 &&
      (isDigit(inside) || inside === 0x27 || inside === 0x22) &&
      (text.charCodeAt(opened - 1) === 0x29 || text.charCodeAt(opened - 1) === 0x5d || inside === 0x27)
    )
      hit('code.php', opened)
  }
}

/** `'sys'.'tem'`: a name put together of strings. */
function joinedStrings(text: string, at: number, quote: number, hit: Hit): void {
  const dot = skipSpace(text, at + 1)
  if (text.charCodeAt(dot) !== 0x2e || !isWord(text.charCodeAt(at - 1))) return
  const next = skipSpace(text, dot + 1)
  if (text.charCodeAt(next) !== quote || next > at + 8 || !isWord(text.charCodeAt(next + 1))) return
  if (text.charCodeAt(wordEnd(text, next + 1)) === quote) hit('code.php', at)
}

function word(text: string, at: number, end: number, hit: Hit): void {
  const name = text.slice(at, end).toLowerCase()
  const call = callParenthesis(text, end)
  const next = text.charCodeAt(end)
  if (call !== undefined) {
    if (FUNCTIONS.has(name) && (call.gap !== 'space' || name.includes('_') || name === 'exec' || name === 'eval'))
      return hit('code.php', at)
    const plural = text.charCodeAt(call.at + 1) === 0x73 && text.charCodeAt(call.at + 2) === 0x29
    if (
      WORDY.has(name) &&
      !plural &&
      (call.gap === 'comment' || (call.gap === 'none' && text.charCodeAt(call.at + 1) !== 0x29))
    )
      return hit('code.php', at)
    if (call.gap !== 'space' && isSnakeCase(name)) return hit('code.call', at)
    if (call.gap !== 'space' && endsWithFunction(name)) return hit('code.php', at)
  }
  if (DIRECTIVES.has(name) && next === 0x3d) return hit('code.php', at)
  if (next === 0x2e && name === 'mbstring') hit('code.php', at)
  else if (next === 0x3d && text.charCodeAt(end + 1) === 0x28 && FUNCTIONS.has(name)) hit('code.php', at)
}

/** `get_defined_vars`: parts of letters and digits with `_` between them. */
function isSnakeCase(name: string): boolean {
  const at = name.indexOf('_')
  return at > 1 && at < name.length - 2 && name.length >= 6
}

const SUFFIXES = ['call_user_func', 'fsockopen', 'shell_exec', 'passthru', 'proc_open', 'base64_decode']
const endsWithFunction = (name: string): boolean => SUFFIXES.some((suffix) => name.endsWith(suffix))
