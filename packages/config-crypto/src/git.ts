export { type Merge, mergeConfigs, type MergeOptions } from './git/merge.ts'
export { textconv } from './git/textconv.ts'
