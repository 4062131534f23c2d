import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
/** The suites need Node 22, and so does what is TypeScript here. */
const isRecent = major > 22 || (major === 22 && minor >= 18)

/** Exactly these: the suites change what they ask for from one release to the next. */
const dependencies = {
  ...(isRecent ? {} : { node: '22.23.3' }),
  'conformance-0.1': 'npm:@modelcontextprotocol/conformance@0.1.16',
  'conformance-0.2': 'npm:@modelcontextprotocol/conformance@0.2.0-alpha.12',
}

const dir = fileURLToPath(new URL('../../../node_modules/.cache/portcullis/conformance/', import.meta.url))
const manifest = `${JSON.stringify({ private: true, type: 'module', dependencies }, null, 2)}\n`

/** Installs the suites where they are kept between runs. @throws with one line when that fails. */
export const provideSuites = () => {
  const inside = (...names) => join(dir, 'node_modules', ...names)
  const node = isRecent ? process.execPath : inside('node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  const done = join(dir, 'installed.json')
  if (!existsSync(done) || readFileSync(done, 'utf8') !== manifest) {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'package.json'), manifest)
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: dir,
      stdio: 'ignore',
      shell: process.platform === 'win32',
    })
    if (npm.status !== 0 || !existsSync(node)) {
      throw new Error(
        `The conformance suites could not be installed: that needs npm and its registry. Try: npm install --prefix ${dir}`,
      )
    }
    writeFileSync(done, manifest)
  }
  const suite = (name, ...args) => [inside(`conformance-${name}`, 'dist', 'index.js'), 'server', ...args]
  return {
    node,
    suites: {
      '0.1.16, all': suite('0.1', '--suite', 'all'),
      '0.2.0-alpha.12, required by 2025-11-25': suite('0.2', '--requirements', '2025-11-25'),
      '0.2.0-alpha.12, required by 2026-07-28': suite('0.2', '--requirements', '2026-07-28'),
    },
  }
}
