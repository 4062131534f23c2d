import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Percent-encoded, so that what ModSecurity decodes is what was given. */
const formOf = (payload) =>
  `value=${Array.from(Buffer.from(payload), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`

const SETUP = `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 134217728
SecRequestBodyNoFilesLimit 134217728
SecPcreMatchLimit 500000
SecPcreMatchLimitRecursion 500000
SecAuditEngine Off
SecDebugLogLevel 0
`
const LIBINJECTION = `${SETUP}SecRule ARGS "@detectSQLi" "id:1,phase:2,deny,status:403"
SecRule ARGS "@detectXSS" "id:2,phase:2,deny,status:403"
`
const CRS = '/usr/share/modsecurity-crs'
const coreRules = `${SETUP}SecDefaultAction "phase:1,nolog,pass"
SecDefaultAction "phase:2,nolog,pass"
SecAction "id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=330"
Include ${CRS}/rules/*.conf
`

/** Libinjection and the OWASP Core Rule Set (paranoia 1) on libmodsecurity, where Debian's packages of them and a C compiler are; else nothing. */
export const modsecurityPeers = () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-peers-'))
  const binary = join(folder, 'modsecurity')
  try {
    execFileSync('cc', ['-O2', join(import.meta.dirname, 'modsecurity.c'), '-lmodsecurity', '-o', binary], {
      stdio: 'pipe',
    })
  } catch {
    return []
  }
  const peer = (name, rules) => {
    const file = join(folder, `${name.replaceAll(/\W/g, '')}.conf`)
    writeFileSync(file, rules)
    return {
      name,
      /** For each payload whether it was blocked. */
      blocks(payloads) {
        const input = payloads.map((payload) => formOf(payload)).map((form) => `${form.length}\n${form}`)
        const { stdout, stderr, status } = spawnSync(binary, [file], {
          input: input.join(''),
          maxBuffer: 1 << 28,
          encoding: 'utf8',
        })
        if (status !== 0) throw new Error(`${name}: ${stderr}`)
        return stdout
          .trim()
          .split('\n')
          .map((line) => line === '1')
      },
    }
  }
  return [
    peer('libinjection', LIBINJECTION),
    ...(existsSync(`${CRS}/rules`) ? [peer('CRS 3.3, paranoia 1', coreRules)] : []),
  ]
}
