import { createHash } from 'node:crypto'
import { ConfigError } from '../errors.ts'
import { readConfigText } from '../files/config-file.ts'
import { contentOf } from '../format/content.ts'
import { parseDocument } from '../format/document.ts'
import type { Header } from '../format/header.ts'
import { type Opener, SealedLeaf } from '../format/leaf.ts'
import { leavesOf } from '../format/tree.ts'

/** Nothing is opened here. */
const closed: Opener = {
  open: () => {
    throw new ConfigError('ERR_CONFIG_NO_KEY', 'there is no key')
  },
}

const headLines = ({ secrets, keys, dataKeyFrom }: Header): string[] => [
  `data key of ${dataKeyFrom}`,
  ...keys.map(
    ({ kid, kind, created, retires }) =>
      `key ${kid} (${kind}, since ${created}${retires === undefined ? '' : `, retires ${retires}`})`,
  ),
  ...secrets.map(({ text }) => `sealed only: ${text}`),
]

// Who compares a file that others sent reads it on a terminal, and nothing of it is verified.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const printable = (line: string): string =>
  line.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The same as long as the value is not set anew. */
const shortHash = (payload: string): string => createHash('sha256').update(payload).digest('hex').slice(0, 12)

/**
 * A sealed file for people who compare versions: one value a line, sealed ones as their day and a short hash of what is stored. It needs no key and verifies nothing. Revision
 * and MAC, which change with every write, are left out.
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`, `ERR_CONFIG_UNSAFE`
 */
export const textconv = (path: string): string => {
  const document = parseDocument(readConfigText(path))
  const values = [...leavesOf(contentOf(document, closed).root)]
    .sort((a, b) => (a.pointer < b.pointer ? -1 : 1))
    .map(({ pointer, node }) =>
      node instanceof SealedLeaf
        ? `${pointer} = sealed on ${node.setOn}, ${shortHash(node.payload)}`
        : `${pointer} = ${JSON.stringify(node)}`,
    )
  return `${[...headLines(document.header), ...values].map(printable).join('\n')}\n`
}
