import { resolve } from 'node:path'
import { textconv } from '@portcullis/config-crypto'
import { printData } from '../output.ts'

export const run = async (file: string): Promise<void> => printData(textconv(resolve(file)))
