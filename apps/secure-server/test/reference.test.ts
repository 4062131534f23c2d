import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { jsonSchema, parseConfiguration, referenceTable, schema } from '@portcullis-internal/configuration'

const guide = new URL('../../../docs/configuration.md', import.meta.url)
const [before, after] = ['<!-- generated from the schema -->', '<!-- end -->']

describe('docs/configuration.md', () => {
  it('lists every key of the schema, and no other (vitest --update writes it)', async () => {
    const text = readFileSync(guide, 'utf8')
    const [head, rest] = text.split(before) as [string, string]
    const tail = rest.split(after)[1] as string
    const written = `${head}${before}\n\n${referenceTable()}\n\n${after}${tail}`
    await expect(written).toMatchFileSnapshot(guide.pathname)
  })

  it('says what every key is for', () => {
    const silent: string[] = []
    const look = (node: any, path: string): void => {
      for (const [name, child] of Object.entries<any>(node.properties ?? {})) {
        if (child.description === undefined && !/requests|windowMs/.test(name)) silent.push(`${path}.${name}`)
        look(child, `${path}.${name}`)
      }
      for (const branch of node.anyOf ?? []) look(branch, path)
      if (node.items !== undefined) look(node.items, `${path}[]`)
      if (typeof node.additionalProperties === 'object') look(node.additionalProperties, `${path}.*`)
    }
    look(z.toJSONSchema(schema, { io: 'input' }), '')
    expect(silent).toEqual([])
  })

  it('has an example that is a configuration', () => {
    const [, example] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(guide, 'utf8')) as unknown as [string, string]
    const parsed = parseConfiguration(example, 'example', {
      env: {},
      readFile: () => 'text',
      openSecrets: () => (name) => (name === 'redis_url' ? 'redis://127.0.0.1:6379' : 'a secret'),
    })
    // Every section: what is not in the example nobody finds.
    expect(Object.keys(parsed).sort()).toEqual(Object.keys(schema.shape).sort())
  })

  it('ships as a JSON Schema', async () => {
    await expect(`${JSON.stringify(jsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../schema.json')
  })
})
