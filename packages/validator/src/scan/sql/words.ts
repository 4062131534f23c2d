import { words } from '../../text/chars.ts'

/** Words that stand between two operands. */
export const BINARY_WORDS = words(
  'and or xor like rlike regexp ilike div mod between is in sounds glob similar overlaps',
)
/** Words after which a condition stands. */
export const CONDITION_WORDS = words(
  'and or xor where having when on not rlike regexp like && || if elt iff iif between',
)
/** Words that stand before an operand. */
export const UNARY_WORDS = words('not binary distinct all exists any some interval prior escape _utf8 _latin1 n')
/** Words that begin another clause of a query behind an operand. */
export const CLAUSE_WORDS = words(
  'where having order group union limit into procedure from when then else end as using offset intersect except minus returning collate for fetch',
)

/** First words of statements, with what must come next for it to be one: a word of the list, or `*` for anything that can begin an expression. */
export const STATEMENTS: Readonly<Record<string, ReadonlySet<string> | '*'>> = {
  select: '*',
  insert: words('into ignore low_priority delayed high_priority overwrite'),
  replace: words('into'),
  update: '*',
  delete: words('from'),
  drop: words('table database schema view user index procedure function trigger role login column sequence all if'),
  create: words(
    'table database schema view user index procedure function trigger role login temporary temp or unique extension alias language external',
  ),
  alter: words('table database schema view user login procedure function role session system index trigger server'),
  truncate: words('table'),
  exec: '*',
  execute: '*',
  declare: '*',
  waitfor: words('delay time'),
  shutdown: '*',
  grant: words('all select insert update delete dba execute connect create usage references'),
  revoke: words('all select insert update delete dba execute connect create usage'),
  call: '*',
  begin: '*',
  merge: words('into'),
  backup: words('database log'),
  restore: words('database log'),
  rename: words('table'),
  lock: words('tables table'),
  handler: '*',
  load: words('data xml'),
  copy: '*',
  attach: words('database'),
  bulk: words('insert'),
  dbcc: '*',
  use: '*',
  kill: '*',
  print: '*',
  with: '*',
  values: '*',
  show: words('tables databases columns grants variables processlist index create'),
  set: '*',
  if: '*',
  while: '*',
  do: '*',
  vacuum: words('into'),
}

/** A call of one of these has no place in a value, whatever is around it. */
export const PROBING_FUNCTIONS = words(
  `sleep benchmark pg_sleep pg_sleep_for pg_sleep_until randomblob generate_series regexp_substring extractvalue updatexml load_file xmltype getmappingxpath
  xp_cmdshell xp_dirtree xp_fileexist xp_regread xp_regwrite xp_servicecontrol xp_availablemedia xp_enumdsn xp_loginconfig xp_makecab xp_ntsec_enumdomains xp_terminate_process sp_oacreate sp_oamethod sp_executesql
  sp_addextendedproc sp_makewebtask sp_password sp_addlogin sp_addsrvrolemember sp_configure sp_help
  openrowset opendatasource openquery lo_import lo_export pg_read_file pg_read_binary_file pg_ls_dir dblink dblink_connect database_to_xml query_to_xml
  concat_ws group_concat unhex aes_decrypt aes_encrypt des_decrypt string_agg listagg wm_concat row_count found_rows last_insert_id get_lock release_lock is_free_lock
  current_user session_user system_user user_name suser_name suser_sname db_name object_name col_name has_dbaccess is_srvrolemember is_member serverproperty host_name
  sqlite_version load_extension zeroblob current_setting current_database inet_server_addr version_compile_os
  utc_date utc_time utc_timestamp sysdate make_set export_set elt iif quotename crypt_key xmlagg xmlelement xmlserialize json_keys json_extract
  substring_index ord conv st_latfromgeohash st_pointfromgeohash polygon multipoint linestring geometrycollection multilinestring multipolygon gtid_subset gtid_subtract name_const
  schema version database user collation connection_id bit_count ctxsys.drithsx.sn regexp_like regexp_instr regexp_replace regexp_substr
  charindex patindex ascii bin_to_uuid exp pi tzname to_base64 from_base64 sqlid_to_sqlhash get_host_address receive_message`,
)
/** Of those, the ones that also are words of prose, formulas or code: they count only without an argument, or with SQL beside them. */
export const ORDINARY_FUNCTIONS = words(
  'schema version database user exp pi ascii ord conv elt sysdate polygon collation',
)

/** Functions that are evidence in an expression that breaks out of a quote, and nothing alone. */
export const KNOWN_FUNCTIONS = words(
  `concat char chr nchar ascii substr substring mid left right length len count cast convert hex md5 sha1 sha2 if ifnull nullif isnull coalesce case lower upper
  floor rand round abs cos sin tan log pow power mod sign sqrt repeat reverse replace trim ltrim rtrim lpad rpad instr locate position strcmp now curdate curtime date
  exists max min sum avg least greatest values row any all some greatest decode nvl to_char to_number bin oct unicode stuff replicate soundex`,
)

/** Names of tables and views that describe a database. */
export const CATALOG_NAMES = words(
  `information_schema sysobjects syscolumns sysusers sysdatabases sysprocesses systables sqlite_master sqlite_schema sqlite_temp_master pg_catalog pg_shadow pg_user pg_authid pg_database
  pg_tables pg_class pg_stat_activity all_users all_tables all_tab_columns dba_users dba_tables user_tables user_tab_columns v$version v$session v$instance rdb$database rdb$relations
  msysaccessobjects msysqueries msysobjects mysql.user syscat sysibm domain.domains domain.columns domain.tables sys.databases sys.objects sys.tables sys.user$ user_objects user_constraints tab_columns dual performance_schema
  mysql.db dbms_pipe dbms_lock utl_http utl_inaddr utl_file dbms_utility dbms_ldap dbms_xmlgen dbms_java dbms_export_extension httpuritype user_lock`,
)
