import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, isAbsolute, join, parse } from 'node:path'

/** A name in a folder; what happens to it can change where a path leads. */
export interface Place {
  /** Without symbolic links. */
  readonly folder: string
  readonly name: string
}

// As Linux counts them; a loop ends here.
const maxLinks = 40
const separator = process.platform === 'win32' ? /[\\/]/ : /\//

type Kind = 'directory' | 'link' | 'end'

const kindOf = (path: string): Kind => {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) return 'link'
    return stat?.isDirectory() ? 'directory' : 'end'
  } catch {
    return 'end'
  }
}

const startOf = (path: string, folder: string): string => (isAbsolute(path) ? parse(path).root : folder)

/**
 * Follows a path as the system does and names the places that decide where it leads: every symbolic link on the way, and at last the file or the
 * first name that is not there. Throws what `readlink` throws when a link vanishes under it.
 */
export const trace = (path: string): Place[] => {
  const places: Place[] = []
  let folder = startOf(path, process.cwd())
  const names = path.slice(isAbsolute(path) ? folder.length : 0).split(separator)
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      folder = dirname(folder)
      continue
    }
    const here = join(folder, name)
    const kind = kindOf(here)
    if (kind === 'directory' && names.length > 0) {
      folder = here
      continue
    }
    places.push({ folder, name })
    if (kind !== 'link' || places.length > maxLinks) break
    const target = readlinkSync(here)
    folder = startOf(target, folder)
    names.unshift(...target.slice(isAbsolute(target) ? folder.length : 0).split(separator))
  }
  return places
}
