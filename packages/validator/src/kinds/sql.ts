import type { RuleId } from '../findings/rules.ts'
import { dialectsOf } from '../scan/sql/dialects.ts'
import { lexSql, type SqlToken } from '../scan/sql/lexer.ts'
import { words } from '../text/chars.ts'

const READING = words('select show describe desc explain with values table pragma')
const WRITING = words(
  `insert update delete drop create alter truncate replace merge grant revoke exec execute call do load copy attach detach vacuum reindex rename lock unlock set reset begin commit rollback savepoint
  handler install uninstall import export backup restore kill shutdown declare prepare deallocate listen notify cluster refresh comment security analyze optimize repair flush purge change start stop use into outfile dumpfile`,
)
/** Functions that read or write files, run programs, open connections. */
const REACHING = words(
  `xp_cmdshell xp_dirtree xp_fileexist xp_regread xp_regwrite xp_regdeletekey xp_servicecontrol sp_oacreate sp_oamethod sys_exec sys_eval sys_bineval openrowset opendatasource
  lo_import lo_export pg_read_file pg_read_binary_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_stat_file pg_write_file pg_file_write pg_file_rename pg_file_unlink
  dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_send_query load_file load_extension readfile writefile edit fts3_tokenizer httpuritype
  read_csv read_csv_auto read_text read_blob read_json read_json_auto read_ndjson read_parquet parquet_scan`,
)
/** Packages of Oracle of which every function reaches out. */
const PACKAGES = words('utl_http utl_file utl_inaddr utl_tcp utl_smtp dbms_scheduler dbms_java dbms_ldap')
/** Functions that end sessions, change sequences or settings, or hold the server up. */
const CHANGING = words(
  'nextval setval pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile set_config lo_unlink lo_create sleep benchmark pg_sleep get_lock',
)

export interface SqlProblem {
  readonly ruleId: RuleId
  readonly at: number
  readonly detail?: string
}

/**
 * What a statement does by its words, not whether it is injected: programs and files of the server always, anything but one reading statement with `readOnly`. It is read as each
 * dialect reads it, for nobody says which one will; what one of them refuses is refused.
 */
export function checkSql(text: string, readOnly: boolean): SqlProblem | undefined {
  for (const dialect of dialectsOf(text)) {
    const tokens = lexSql(text, 0, dialect)
    const problem = checkReach(text, tokens) ?? (readOnly ? checkReadOnly(text, tokens) : undefined)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkReach(text: string, tokens: readonly SqlToken[]): SqlProblem | undefined {
  let verb: 'copy' | 'load' | undefined
  // `copy` may be the name of a column: then what follows is no file.
  let first = false
  let depth = 0
  for (const [i, { kind, value, at }] of tokens.entries()) {
    const refuse = (detail: string): SqlProblem => ({ ruleId: 'sql.system', at, detail })
    const before = tokens[i - 1]?.value
    if (kind === ';') verb = undefined
    if (kind === ')') depth--
    if (kind === '(') {
      depth++
      const called = i === 0 ? [] : nameAt(text, tokens, i - 1)
      const name = called.at(-1) ?? ''
      if (REACHING.has(name) || called.some((part) => PACKAGES.has(part))) return refuse(name)
      if (isUnicodeName(text, tokens[i - 1])) return refuse('the name of a function is written in escapes')
    }
    if (before === 'exec' || before === 'execute' || kind === 'word') {
      const name = nameAt(text, tokens, i).at(-1) ?? ''
      if (name.startsWith('xp_') || (before?.startsWith('exec') === true && REACHING.has(name))) return refuse(name)
    } else if (kind === 'string' && before === '.' && partsOf(text, tokens[i]).at(-1)?.startsWith('xp_') === true) {
      return refuse('xp_')
    }
    if (kind !== 'word' && kind !== 'call') continue
    if (value === 'copy' || value === 'load') {
      verb = value
      first = i === 0 || tokens[i - 1]?.kind === ';'
      depth = 0
    } else if (value === 'outfile' || value === 'dumpfile') {
      if (before === 'into') return refuse(`INTO ${value.toUpperCase()}`)
    } else if (value === 'infile' && verb === 'load') {
      return refuse('LOAD ... INFILE')
    } else if (verb === 'copy' && (value === 'from' || value === 'to')) {
      const next = tokens[i + 1]
      if (next?.value === 'program') return refuse('COPY ... PROGRAM')
      if (first && depth <= 0 && isText(next, tokens[i + 2])) return refuse('COPY and a file')
    }
  }
  return undefined
}

/** A string in single quotes or dollars, with what may stand before its quote (`E'...'`). */
const isText = (token: SqlToken | undefined, next: SqlToken | undefined): boolean =>
  token?.kind === 'string' || token?.kind === 'open'
    ? token.value !== '"'
    : token?.kind === 'word' && token.value.length === 1 && next?.at === token.end && next.value !== '.'

const LONGEST_NAME = 256

/** The parts of the name that a token is, without quotes and in lower case. */
function partsOf(text: string, token: SqlToken | undefined): readonly string[] {
  if (token === undefined) return []
  const raw = text.slice(Math.max(token.at, token.end - LONGEST_NAME), token.end).toLowerCase()
  if (token.kind === 'string') return token.value === '"' ? [raw.slice(1, -1)] : []
  if (token.kind !== 'word' && token.kind !== 'call') return []
  return raw.startsWith('`') || raw.startsWith('[') ? [raw.slice(1, -1)] : raw.split('.')
}

/** The same with the part before it, should that be quoted or stand apart. */
function nameAt(text: string, tokens: readonly SqlToken[], at: number): readonly string[] {
  const own = partsOf(text, tokens[at])
  return tokens[at - 1]?.value === '.' ? [...partsOf(text, tokens[at - 2]), ...own] : own
}

/** PostgreSQL's `U&"..."`, in which every letter may be written by its number. */
const isUnicodeName = (text: string, token: SqlToken | undefined): boolean =>
  token?.kind === 'string' && token.value === '"' && /u&$/i.test(text.slice(Math.max(0, token.at - 2), token.at))

function checkReadOnly(text: string, tokens: readonly SqlToken[]): SqlProblem | undefined {
  const first = tokens.find(({ kind }) => kind !== '(')
  if (first === undefined) return undefined
  if ((first.kind !== 'word' && first.kind !== 'call') || !READING.has(first.value))
    return { ruleId: 'sql.not_read_only', at: first.at, detail: 'it begins with no reading verb' }
  for (const [i, { kind, value, at }] of tokens.entries()) {
    if (kind === ';' && tokens.slice(i + 1, i + 3).some((next) => next.kind !== ';' && next.kind !== 'comment'))
      return { ruleId: 'sql.many_statements', at }
    if (kind === 'open') return { ruleId: 'sql.not_read_only', at, detail: 'a string is not closed' }
    const called = kind === '(' && i > 0 ? partsOf(text, tokens[i - 1]).at(-1) : undefined
    if (called !== undefined && CHANGING.has(called)) return { ruleId: 'sql.not_read_only', at, detail: called }
    const assigns = first.value === 'pragma' && (value === '=' || (kind === 'call' && i > 0))
    if (assigns) return { ruleId: 'sql.not_read_only', at, detail: 'a pragma is set' }
    // `replace(x, y, z)` is a function; a verb behind a dot or `as` is a name.
    if (
      kind === 'word' &&
      WRITING.has(value) &&
      value !== first.value &&
      tokens[i - 1]?.value !== 'as' &&
      tokens[i - 1]?.value !== 'by'
    )
      return { ruleId: 'sql.not_read_only', at, detail: value }
  }
  return undefined
}
