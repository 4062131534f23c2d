import { preset } from '../../tsup.base.ts'

export default preset(['src/index.ts', 'src/exec.ts', 'src/redact.ts', 'src/scan.ts'])
