import { isWord, wordEnd, words } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'

/** Packages whose classes are what gadgets and expression injections name. */
const PACKAGES = [
  'java.lang',
  'java.io',
  'java.util',
  'java.net',
  'java.nio',
  'java.rmi',
  'java.beans',
  'java.security',
  'java.sql',
  'javax.script',
  'javax.naming',
  'javax.management',
  'javax.el',
  'javax.swing',
  'com.sun.',
  'com.opensymphony.',
  'com.mchange.',
  'com.alibaba.fastjson',
  'com.caucho.',
  'com.ibatis',
  'org.apache.',
  'org.springframework.',
  'org.codehaus.',
  'org.hibernate.',
  'org.jboss.',
  'org.mozilla.javascript',
  'org.python.',
  'org.mvel',
  'sun.misc.',
  'sun.reflect.',
  'jdk.',
  'groovy.',
  'freemarker.template',
  'ognl.',
  'bsh.interpreter',
  'clojure.',
]
const WHOLE = words(
  `processbuilder invokertransformer instantiatetransformer instantiatefactory prototypeclonefactory prototypeserializationfactory whileclosure forclosure clonetransformer constanttransformer
  chainedtransformer lazymap badattributevalueexpexception annotationinvocationhandler templatesimpl jdbcrowsetimpl unicastremoteobject memberaccess _memberaccess xwork.methodaccessor.denymethodexecution
  allowstaticmethodaccess getruntime forname getdeclaredmethod getdeclaredfield getdeclaredconstructor newinstance classloader getclassloader defineclass scriptenginemanager getenginebyname serialkiller methodaccessor
  __import__ __subclasses__ __globals__ __builtins__ __class__ __mro__ __bases__ __base__ __init__ __getitem__ __getattribute__ __reduce__ __builtin__ __code__ func_globals`,
)
const CALLED = words(
  'getclass getruntime forname newinstance exec start invoke getmethod getdeclaredmethod popen check_output subprocess',
)

/** Java (and Python) that reaches for a runtime: class names, reflection, serialised objects, JNDI look-ups. */
export function scanJava(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x24 && text.charCodeAt(i + 1) === 0x7b) lookup(text, i, hit)
    if (!isWord(code)) continue
    const end = wordEnd(text, i)
    if (end - i >= 2 && end - i <= 40) word(text, i, end, hit)
    i = end - 1
  }
}

function word(text: string, at: number, end: number, hit: Hit): void {
  const name = text.slice(at, end).toLowerCase()
  if (WHOLE.has(name) || name.endsWith('__builtin__')) return hit('code.java', at)
  const next = text.charCodeAt(end)
  if (next === 0x2e && isWord(text.charCodeAt(end + 1))) {
    if (name === 'runtime' || name === 'processbuilder') {
      const member = text.slice(end + 1, Math.min(wordEnd(text, end + 1), end + 24)).toLowerCase()
      if (
        member === 'exec' ||
        member === 'getruntime' ||
        member.endsWith('transformer') ||
        member.endsWith('factory') ||
        member.endsWith('closure')
      )
        return hit('code.java', at)
    }
    if (text.charCodeAt(at - 1) === 0x2e && isWord(text.charCodeAt(at - 2))) return
    const path = text.slice(at, at + 26).toLowerCase()
    if (
      PACKAGES.some(
        (prefix) => path.startsWith(prefix) && !isWord(path.charCodeAt(prefix.length - (prefix.endsWith('.') ? 1 : 0))),
      )
    )
      hit('code.java', at)
  } else if (next === 0x28 && CALLED.has(name) && text.charCodeAt(at - 1) === 0x2e) {
    hit('code.java', at)
  } else if (
    name.startsWith('ro0ab') ||
    name.startsWith('ksoabx') ||
    name.startsWith('ybaex') ||
    name.startsWith('kztab') ||
    name.startsWith('gasv')
  ) {
    hit('code.java', at)
  }
}

/** `${jndi:...}`, and `${lower:j}`, `${::-j}`, `${env:X}` with which it is hidden. */
function lookup(text: string, at: number, hit: Hit): void {
  if (text.charCodeAt(at + 2) === 0x24 && text.charCodeAt(at + 3) === 0x7b) return hit('code.jndi', at)
  for (let i = at + 2; i < at + 24; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x3a) {
      const name = text.slice(at + 2, i).toLowerCase()
      if (
        name === '' ||
        /^(jndi|lower|upper|env|sys|java|date|ctx|main|bundle|base64|k8s|docker|spring|web|script|dns|url|file|xml|const)$/.test(
          name,
        )
      )
        hit('code.jndi', at)
      return
    }
    if (!isWord(code)) return
  }
}
