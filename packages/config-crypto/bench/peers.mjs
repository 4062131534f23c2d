// What is measured against, installed for one run into a folder of its own: none of it is a dependency.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const versions = { '@dotenvx/dotenvx': '2.38.2', 'sops-age': '4.0.2', 'age-encryption': '0.3.1' }

/** Installs them where they are absent; `undefined` where that cannot be done. */
export const installPeers = (folder) => {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'node_modules/sops-age'))) {
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
    const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`)
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted]
    if (spawnSync('npm', args, { cwd: folder, stdio: 'ignore' }).status !== 0) return undefined
  }
  const require = createRequire(join(folder, 'package.json'))
  const packageOf = (name) => join(folder, 'node_modules', name)
  const dotenvx = JSON.parse(readFileSync(join(packageOf('@dotenvx/dotenvx'), 'package.json'), 'utf8'))
  return {
    versions,
    dotenvx: join(packageOf('@dotenvx/dotenvx'), Object.values(dotenvx.bin)[0]),
    sopsAge: pathToFileURL(join(packageOf('sops-age'), 'dist/index.js')).href,
    age: pathToFileURL(require.resolve(Object.keys(versions)[2])).href,
  }
}
