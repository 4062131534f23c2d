import type { Collector } from '../findings/collector.ts'
import { type Settings, SAFE_DEPTH } from '../options.ts'
import type { ResultToCheck } from '../types.ts'

/**
 * Measures a result without recursion: a server may nest as deep as it likes. Too large is enforced; deeper than requests may be is recorded, and
 * enforced where JSON.stringify could overflow the stack.
 */
export function measureResult({ result, textLength }: ResultToCheck, settings: Settings, out: Collector): void {
  const tooLarge = (): void =>
    out.add({ ruleId: 'result.size', kind: 'result', detail: `limit ${settings.maxResultBytes} bytes` })
  if (textLength !== undefined && textLength > settings.maxResultBytes) return tooLarge()
  let bytes = 0
  let deepest = 0
  const nodes: unknown[] = [result]
  const depths: number[] = [0]
  while (nodes.length > 0) {
    const node = nodes.pop()
    const depth = depths.pop() as number
    bytes += 2
    if (typeof node === 'string') bytes += Buffer.byteLength(node)
    // What waits is counted too, so that a wide array cannot fill the stack of this walk first.
    if (bytes + nodes.length * 2 > settings.maxResultBytes) return tooLarge()
    if (typeof node !== 'object' || node === null) continue
    deepest = Math.max(deepest, depth + 1)
    if (deepest > SAFE_DEPTH) break
    if (Array.isArray(node)) {
      if (node.length * 2 > settings.maxResultBytes) return tooLarge()
      for (const child of node as unknown[]) {
        nodes.push(child)
        depths.push(depth + 1)
      }
      continue
    }
    for (const key of Object.keys(node)) {
      bytes += Buffer.byteLength(key) + 3
      nodes.push((node as Record<string, unknown>)[key])
      depths.push(depth + 1)
    }
  }
  if (deepest > settings.maxDepth) {
    const enforced = deepest > SAFE_DEPTH
    out.add({
      ruleId: 'result.depth',
      kind: 'result',
      detail: `limit ${enforced ? SAFE_DEPTH : settings.maxDepth}`,
      enforced,
    })
  }
}
