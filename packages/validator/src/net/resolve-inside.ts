import { lstat, realpath } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { ValidatorError } from '../errors.ts'
import { checkPath } from '../kinds/path.ts'

const MAX_STEPS = 256

/**
 * Where a path inside a directory really is, all links followed: the real path of the deepest part that exists, and what is to be made below it. Between this answer and its use
 * somebody who can write in the directory can still change a link: open with `O_NOFOLLOW`, or give such people a directory of their own.
 * @throws ValidatorError ERR_VALIDATOR_BLOCKED where it leads out, or is written as only attacks are; errors of the file system other than absence as they are
 */
export async function resolveInside(root: string, path: string): Promise<string> {
  const problem = checkPath(path, resolve(root))
  if (problem !== undefined) throw blocked(problem.detail ?? 'it leads out of the directory')
  const realRoot = await realpath(root)
  let present = resolve(realRoot, path.startsWith('/') ? relative(resolve(root), resolve(path)) : path)
  const missing: string[] = []
  for (let step = 0; step < MAX_STEPS; step++) {
    const real = await realOf(present)
    if (real !== undefined) {
      const whole = join(real, ...missing)
      if (!isBelow(realRoot, real) || !isBelow(realRoot, whole)) throw blocked('a link leads out of the directory')
      return whole
    }
    // A link to nowhere is there, though what it means is not: made, it would be made where it points to.
    if (await isLink(present)) throw blocked('a link leads to nothing')
    missing.unshift(present.slice(dirname(present).length).replace(/^[/\\]/, ''))
    present = dirname(present)
  }
  throw blocked('it is nested too deeply')
}

const blocked = (why: string): ValidatorError =>
  new ValidatorError('ERR_VALIDATOR_BLOCKED', `the path is refused: ${why}`)

const isBelow = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)

async function realOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG')
      throw blocked('it goes through what is no directory')
    throw error
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink()
  } catch {
    return false
  }
}
