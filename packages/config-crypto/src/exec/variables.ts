import { ConfigError, optionsError } from '../errors.ts'
import type { Readable } from '../redact/sensitive.ts'

/** What a child inherits besides what it is given: where programs and the user are, and how text is shown. No secret of the parent is among these. */
const inherited: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'PWD',
  'TMPDIR',
  'TZ',
  'LANG',
  'LANGUAGE',
  'TERM',
  'COLORTERM',
  'NO_COLOR',
  'FORCE_COLOR',
  'COLUMNS',
  'LINES',
  // Without these no program runs on Windows.
  'SystemRoot',
  'ComSpec',
  'PATHEXT',
  'TEMP',
  'TMP',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
]

export const variableSyntax = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Variables that make programs load or run something else. A secret is never called so by itself. */
const dangerous = new RegExp(
  `^(?:${[
    'LD_.*',
    'DYLD_.*',
    'PATH|IFS|ENV|BASH_ENV|BASHOPTS|SHELLOPTS|PROMPT_COMMAND|PS4',
    'NODE_(?:OPTIONS|PATH|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|V8_COVERAGE|REPL_.*)',
    'NPM_CONFIG_.*',
    'PYTHON(?:PATH|HOME|STARTUP|INSPECT|USERBASE|BREAKPOINT|WARNINGS)',
    'PERL5?(?:LIB|OPT|DB)|RUBY(?:OPT|LIB)',
    '(?:JAVA_TOOL|JDK_JAVA|_JAVA)_OPTIONS',
    'GIT_(?:SSH.*|EXEC_PATH|CONFIG.*|EDITOR|PAGER|ASKPASS|EXTERNAL_DIFF|PROXY_COMMAND|TEMPLATE_DIR)',
    'SSH_ASKPASS|EDITOR|VISUAL|PAGER|LESSOPEN|LESSCLOSE|BROWSER',
    'GLIBC_TUNABLES|GCONV_PATH|MALLOC_.*|OPENSSL_CONF|OPENSSL_MODULES|SSL_CERT_.*',
    '(?:HTTPS?|ALL|FTP)_PROXY',
  ].join('|')})$`,
)

/** The variable of a name: upper case, everything that cannot stand in a variable as `_`. */
const variableOf = (name: string): string => {
  const variable = name.toUpperCase().replace(/[^A-Z0-9_]/g, '_')
  return /^[0-9]/.test(variable) ? `_${variable}` : variable
}

/**
 * Variables for names: `db.password` becomes `DB_PASSWORD`.
 * @throws ConfigError `ERR_CONFIG_OPTIONS` for two names of one variable, and for variables that make programs run something else: name those explicitly
 */
export const variablesOf = (names: readonly string[]): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = {}
  for (const name of names) {
    const variable = variableOf(name)
    const named = JSON.stringify(name)
    if (Object.hasOwn(variables, variable))
      throw optionsError(`${named} and another name are both the variable ${variable}`)
    if (dangerous.test(variable)) {
      throw optionsError(
        `${named} would be the variable ${variable}, which makes programs run something else: name it explicitly`,
      )
    }
    variables[variable] = name
  }
  return variables
}

const textOf = (config: Readable, variable: string, place: string): string => {
  const named = JSON.stringify(place)
  const value = config.get(place)
  if (value === undefined) throw new ConfigError('ERR_CONFIG_CHILD', `there is no value ${named} for ${variable}`)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') throw optionsError(`the value ${named} is no text that a variable can hold`)
  if (value.includes('\0')) throw optionsError(`the value ${named} holds a zero byte, which no variable can`)
  return value
}

/** The environment of a child: what every child has, what it is to inherit, and values of the configuration. */
export const environmentOf = (
  config: Readable,
  variables: Readonly<Record<string, string>>,
  inherit: readonly string[],
): NodeJS.ProcessEnv => {
  const environment: NodeJS.ProcessEnv = {}
  const isLocale = (name: string): boolean => name.startsWith('LC_')
  for (const name of [...inherited, ...Object.keys(process.env).filter(isLocale), ...inherit]) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  for (const [variable, place] of Object.entries(variables)) {
    if (!variableSyntax.test(variable)) throw optionsError(`${JSON.stringify(variable.slice(0, 64))} is no variable`)
    environment[variable] = textOf(config, variable, place)
  }
  return environment
}
