export type { Leak } from './scan/search.ts'
export { scanStaged } from './scan/staged.ts'
export { type ScanOptions, type ScanReport, scanTree } from './scan/tree.ts'
