import { words } from '../text/chars.ts'

/** Directories of a system that are nobody's documents, as prefixes of a resolved path in lower case. */
const SYSTEM_DIRECTORIES = [
  '/etc/',
  '/proc/',
  '/sys/',
  '/dev/',
  '/root/',
  '/boot/',
  '/var/',
  '/usr/local/',
  '/usr/lib',
  '/usr/etc/',
  '/usr/home/',
  '/usr/ports/',
  '/usr/pkg',
  '/usr/spool/',
  '/usr/adm/',
  '/usr/apache',
  '/usr/sbin/',
  '/usr/bin/',
  '/usr/include/',
  '/usr/libexec/',
  '/usr/obj/',
  '/usr/internet/',
  '/usr/nsmail/',
  '/opt/apache',
  '/opt/lampp/',
  '/opt/xampp/',
  '/opt/httpd/',
  '/opt/lsws/',
  '/opt/nginx/',
  '/opt/tomcat',
  '/opt/zimbra/',
  '/opt/oracle',
  '/bin/',
  '/sbin/',
  '/lib/',
  '/lib64/',
  '/run/',
  '/logs/',
  '/log/',
  '/apache',
  '/xampp/',
  '/wamp',
  '/lampp/',
  '/lighttpd/',
  '/nginx/',
  '/http/',
  '/httpd/',
  '/php',
  '/mysql/',
  '/oracle',
  '/sw/',
  '/nsconfig/',
  '/private/',
  '/library/',
  '/system/',
  '/volumes/',
  '/winnt/',
  '/windows/',
  '/system32/',
  '/inetpub/',
  '/appserv/',
  '/minint/',
  '/sysprep',
  '/unattend',
  '/recycler/',
  '/program_files/',
  '/users/default/',
  '/users/administrator/',
  '/home/bin/',
  '/home2/bin/',
  '/home/apache',
  '/home/httpd/',
  '/home/mysql',
  '/home2/',
  '/web/conf/',
  '/www/',
  '/conf/',
  '/htdocs/',
  '/cgi-bin/',
  '/administrator/',
  '/web-inf/',
  '/meta-inf/',
  '/program files/',
  '/program files (x86)/',
  '/programfiles/',
  '/documents and settings/',
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
  'etc/sudoers',
  'boot.ini',
  'win.ini',
  'windows/system32',
  'proc/self/environ',
  'web-inf/web.xml',
  'proc/version',
  'proc/self/cmdline',
]

/** What of a system a resolved path (slashes, lower case) leads to. */
export function isSystemPath(path: string): boolean {
  if (path.startsWith('/')) {
    const slashed = `${path}/`
    if (SYSTEM_DIRECTORIES.some((directory) => slashed.startsWith(directory))) return true
  }
  // `/.profile`, `/.cshrc`: the home of root, or of a daemon.
  if (path.startsWith('/.') && path.length > 4 && !path.includes('/', 1)) return true
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
