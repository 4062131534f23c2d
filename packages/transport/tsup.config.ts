import { preset } from '../../tsup.base.ts'

export default preset(['src/index.ts', 'src/sdk-v2.ts'])
