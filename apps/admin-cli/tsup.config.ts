import { preset } from '../../tsup.base.ts'

export default preset({ main: 'src/main.ts' }, { dts: false })
