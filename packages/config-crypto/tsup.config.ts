import { preset } from '../../tsup.base.ts'

// White space and comments of 100 kB are two milliseconds of every program that starts.
export default preset(['src/index.ts', 'src/exec.ts', 'src/git.ts', 'src/redact.ts', 'src/scan.ts'], {
  minifyWhitespace: true,
  minifySyntax: true,
})
