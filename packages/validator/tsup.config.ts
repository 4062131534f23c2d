import { preset } from '../../tsup.base.ts'

export default preset(['src/index.ts', 'src/schema.ts', 'src/rules.ts', 'src/redis.ts', 'src/pins.ts', 'src/net.ts'])
