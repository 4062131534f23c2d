export { type Outcome, run, type RunOptions } from './exec/run.ts'
export { variablesOf } from './exec/variables.ts'
