import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The samples of the corpora: `{ class, payload, label, source, kind }`. They are no part of the repository: PORTCULLIS_TEST_DATA names their folder, else ../shared. */
export const loadCorpora = () => {
  const folder = join(
    process.env.PORTCULLIS_TEST_DATA ?? join(import.meta.dirname, '../../../../shared'),
    'corpora/dev',
  )
  if (!existsSync(join(folder, 'attacks.jsonl'))) {
    throw new Error(
      'there are no corpora: set PORTCULLIS_TEST_DATA to a folder with corpora/dev/attacks.jsonl and benign.jsonl',
    )
  }
  return ['attacks', 'benign'].flatMap((file) =>
    readFileSync(join(folder, `${file}.jsonl`), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ ...JSON.parse(line), attack: file === 'attacks' })),
  )
}
