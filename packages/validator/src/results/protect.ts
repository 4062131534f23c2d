import type { Collector } from '../findings/collector.ts'
import type { Settings } from '../options.ts'
import type { ResultToCheck } from '../types.ts'

export function protectResult(
  { result }: ResultToCheck,
  _settings: Settings,
  _out: Collector,
  _replace: boolean,
): unknown {
  return result
}
