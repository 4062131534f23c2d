import { words } from '../text/chars.ts'

/** Directories of a system that are nobody's documents, as prefixes of a resolved path in lower case. */
const SYSTEM_DIRECTORIES = [
  '/etc/',
  '/proc/',
  '/sys/',
  '/dev/',
  '/root/',
  '/boot/',
  '/var/log/',
  '/var/adm/',
  '/var/spool/',
  '/var/run/',
  '/var/mail/',
  '/var/lib/',
  '/var/db/',
  '/var/www/',
  '/var/apache',
  '/var/cpanel/',
  '/var/local/',
  '/var/data/',
  '/var/webmin/',
  '/var/saf/',
  '/var/cron/',
  '/var/nm2/',
  '/var/lock/',
  '/var/cache/',
  '/appserv/',
  '/var/mysql',
  '/var/named/',
  '/usr/local/',
  '/usr/lib/',
  '/usr/etc/',
  '/usr/home/',
  '/usr/ports/',
  '/usr/pkg/',
  '/usr/spool/',
  '/usr/adm/',
  '/usr/apache',
  '/usr/sbin/',
  '/usr/bin/',
  '/usr/pkgsrc/',
  '/opt/apache',
  '/opt/lampp/',
  '/opt/xampp/',
  '/opt/httpd/',
  '/opt/lsws/',
  '/bin/',
  '/sbin/',
  '/logs/',
  '/log/',
  '/apache',
  '/xampp/',
  '/lighttpd/',
  '/nginx/',
  '/http/',
  '/httpd/',
  '/php',
  '/mysql/',
  '/private/etc/',
  '/private/var/',
  '/library/',
  '/system/',
  '/volumes/',
  '/winnt/',
  '/windows/',
  '/system32/',
  '/inetpub/',
  '/program files/',
  '/program files (x86)/',
  '/programfiles/',
  '/users/default/',
  '/documents and settings/',
  '/home/bin/',
  '/home2/bin/',
  '/web/conf/',
  '/www/',
]

/** Names that are files of a system or hold secrets, wherever they are. */
const SENSITIVE_NAMES = words(
  `boot.ini win.ini system.ini passwd shadow master.passwd gshadow sudoers .bash_history .sh_history .zsh_history .mysql_history .psql_history .htpasswd .rhosts .shosts .passwd .netrc .pgpass id_rsa id_dsa id_ed25519
  id_ecdsa authorized_keys known_hosts .ssh .aws .gnupg ntds.dit sam.sav wp-config.php autoexec.bat config.sys cmd.exe web.config unattend.xml sysprep.inf .git-credentials .dockercfg shadow- passwd- ntuser.dat`,
)

/** Ends of paths that name such a file even when what is before them was cut or padded. */
const SENSITIVE_ENDS = [
  'etc/passwd',
  'etc/shadow',
  'etc/group',
  'etc/hosts',
  'etc/sudoers',
  'boot.ini',
  'win.ini',
  'windows/system32',
  'proc/self/environ',
  'web-inf/web.xml',
  'proc/version',
  'proc/self/cmdline',
  'etc/issue',
]

/** What of a system a resolved path (slashes, lower case) leads to. */
export function isSystemPath(path: string): boolean {
  if (path.startsWith('/')) {
    const slashed = `${path}/`
    if (SYSTEM_DIRECTORIES.some((directory) => slashed.startsWith(directory))) return true
  }
  return isSensitiveName(path)
}

export function isSensitiveName(path: string): boolean {
  if (SENSITIVE_ENDS.some((end) => path.endsWith(end))) return true
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (SENSITIVE_NAMES.has(name) && name !== 'passwd' && name !== 'shadow') return true
  return (
    path.includes('/.ssh/') ||
    path.includes('/.docker/secrets') ||
    path.includes('/.aws/') ||
    path.includes('/.gnupg/') ||
    path.startsWith('.ssh/') ||
    path.startsWith('.aws/')
  )
}
