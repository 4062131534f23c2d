import type { RuleId } from '../findings/rules.ts'
import { lexSql, type SqlToken } from '../scan/sql/lexer.ts'
import { words } from '../text/chars.ts'

const READING = words('select show describe desc explain with values table pragma')
const WRITING = words(
  `insert update delete drop create alter truncate replace merge grant revoke exec execute call do load copy attach detach vacuum reindex rename lock unlock set reset begin commit rollback savepoint
  handler install uninstall import export backup restore kill shutdown declare prepare deallocate listen notify cluster refresh comment security analyze optimize repair flush purge change start stop use into outfile dumpfile`,
)
/** Functions that read or write files, run programs, open connections, end sessions or change sequences. */
const REACHING = words(
  `xp_cmdshell xp_dirtree xp_fileexist xp_regread xp_regwrite xp_regdeletekey xp_servicecontrol sp_oacreate sp_oamethod sys_exec sys_eval sys_bineval openrowset opendatasource
  lo_import lo_export pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_write_file pg_file_write dblink dblink_connect dblink_exec load_extension readfile writefile edit fts3_tokenizer
  utl_http.request utl_file.fopen utl_inaddr.get_host_address utl_tcp.open_connection dbms_scheduler.create_job dbms_java.runjava httpuritype dbms_ldap.init`,
)
const CHANGING = words(
  'nextval setval pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile set_config lo_unlink lo_create sleep benchmark pg_sleep get_lock',
)

export interface SqlProblem {
  readonly ruleId: RuleId
  readonly at: number
  readonly detail?: string
}

/** What a statement does by its words, not whether it is injected: programs and files of the server always, anything but one reading statement with `readOnly`. */
export function checkSql(text: string, readOnly: boolean): SqlProblem | undefined {
  const tokens = lexSql(text, 0)
  for (let i = 0; i < tokens.length; i++) {
    const { kind, value, at } = tokens[i] as SqlToken
    if (kind === 'call' && REACHING.has(value)) return { ruleId: 'sql.system', at, detail: value }
    if (kind !== 'word') continue
    if (value.startsWith('xp_')) return { ruleId: 'sql.system', at, detail: value }
    if (value === 'copy' && runsProgram(tokens, i)) return { ruleId: 'sql.system', at, detail: 'COPY ... PROGRAM' }
  }
  return readOnly ? checkReadOnly(tokens) : undefined
}

function runsProgram(tokens: readonly SqlToken[], at: number): boolean {
  for (let i = at + 1; i < at + 40 && tokens[i] !== undefined; i++) {
    if (tokens[i]?.kind === ';') return false
    if (tokens[i]?.value === 'program' && (tokens[i - 1]?.value === 'from' || tokens[i - 1]?.value === 'to'))
      return true
  }
  return false
}

function checkReadOnly(tokens: readonly SqlToken[]): SqlProblem | undefined {
  const first = tokens.find(({ kind }) => kind !== '(')
  if (first === undefined) return undefined
  if ((first.kind !== 'word' && first.kind !== 'call') || !READING.has(first.value))
    return { ruleId: 'sql.not_read_only', at: first.at, detail: 'it begins with no reading verb' }
  for (const [i, { kind, value, at }] of tokens.entries()) {
    if (kind === ';' && tokens.slice(i + 1, i + 3).some((next) => next.kind !== ';' && next.kind !== 'comment'))
      return { ruleId: 'sql.many_statements', at }
    if (kind === 'open') return { ruleId: 'sql.not_read_only', at, detail: 'a string is not closed' }
    if (kind === 'call' && CHANGING.has(value)) return { ruleId: 'sql.not_read_only', at, detail: value }
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
