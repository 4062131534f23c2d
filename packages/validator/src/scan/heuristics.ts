import { scanJava } from './code/java.ts'
import { scanJavaScript } from './code/javascript.ts'
import { scanPhp } from './code/php.ts'
import { scanTemplate } from './code/template.ts'
import type { Hit } from './hit.ts'
import { scanHtml } from './html/scan.ts'
import { scanLdap, scanLineEnds, scanMail, scanNosql, scanXml } from './protocols.ts'
import { scanInnerHosts, scanSensitivePaths } from './references.ts'
import { scanInterpreters } from './shell/interpreters.ts'
import { scanShell } from './shell/scan.ts'
import { scanSql } from './sql/scan.ts'
import { scanTripwire } from './tripwire.ts'

/** Every judgement about one form of a value. `decoded` says that the form is not the value as it came. */
export function scanHeuristics(text: string, decoded: boolean, hit: Hit): void {
  scanTripwire(text, hit)
  scanSql(text, hit)
  scanHtml(text, hit)
  scanShell(text, hit)
  scanInterpreters(text, hit)
  scanJavaScript(text, hit)
  scanPhp(text, hit)
  scanJava(text, hit)
  scanTemplate(text, hit)
  scanXml(text, hit)
  scanLdap(text, hit)
  scanNosql(text, hit)
  scanMail(text, hit)
  scanLineEnds(text, decoded, hit)
  scanSensitivePaths(text, hit)
  scanInnerHosts(text, hit)
}
