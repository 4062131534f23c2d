// Finds a Redis server for the tests, or unpacks one: `node scripts/redis-server.mjs` prints the path of its executable. Nothing is installed, no service is started.
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL(`../node_modules/.cache/portcullis/redis/${process.arch}/`, import.meta.url))
const aptGet = 'apt-get'
const advice =
  'The tests need a Redis server: install Redis 6.2 or later so that redis-server is on PATH (apt-get install redis-server, brew install redis).'

const runs = (command, ...args) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  return { ok: status === 0, stdout: stdout ?? '', stderr: stderr ?? '' }
}
const answers = (path) => runs(path, '--version').ok

const onPath = (name) => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      if (!isAbsolute(path)) continue
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return undefined
}

/** apt-get with lists and archives of our own, for where the system's are absent, stale or not ours to write. */
const ownLists = (folder) => {
  for (const name of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, name), { recursive: true })
  return ['-o', `Dir::State::lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${join(folder, 'cache')}`]
}

/** Downloads the server and whatever it needs that is not installed, and unpacks it all under `folder`. */
const unpack = (folder) => {
  const scratch = mkdtempSync(`${folder}-apt-`)
  const common = ['-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=1', '-q']
  const attempt = (options) => {
    const plan = runs(
      aptGet,
      ...common,
      ...options,
      'install',
      '--simulate',
      '-y',
      '--no-install-recommends',
      'redis-server',
    )
    const names = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1])
    if (!plan.ok || names.length === 0) return plan.stderr
    const { error, status, stderr } = spawnSync(aptGet, [...common, ...options, 'download', ...names], {
      cwd: scratch,
      encoding: 'utf8',
    })
    return error === undefined && status === 0 ? undefined : stderr
  }
  try {
    if (attempt([]) !== undefined) {
      const options = ownLists(scratch)
      runs(aptGet, ...common, ...options, 'update')
      const problem = attempt(options)
      if (problem !== undefined) throw new Error(problem.trim().split('\n').at(-1) ?? 'apt-get failed')
    }
    for (const name of readdirSync(scratch).filter((file) => file.endsWith('.deb'))) {
      const { ok, stderr } = runs('dpkg', '-x', join(scratch, name), folder)
      if (!ok) throw new Error(stderr.trim())
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Starts the unpacked program in its own process, so that its pid is the server's. */
const writeStarter = (folder, name) => {
  const path = join(folder, name)
  writeFileSync(
    path,
    `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
for folder in "$here"/usr/lib/*-linux-* "$here"/lib/*-linux-*; do
  if [ -d "$folder" ]; then LD_LIBRARY_PATH="$folder\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
done
export LD_LIBRARY_PATH
exec "$here/usr/bin/${name}" "$@"
`,
  )
  chmodSync(path, 0o755)
  return path
}

/** The path of a Redis server that runs; throws an error of one line when there is none and none can be had. */
export const provideRedisServer = () => {
  const given = process.env.PORTCULLIS_REDIS_SERVER
  if (given) {
    if (answers(given)) return given
    throw new Error(`PORTCULLIS_REDIS_SERVER=${given} does not run`)
  }
  const installed = onPath('redis-server')
  if (installed !== undefined && answers(installed)) return installed
  const place = join(cache, 'redis-server')
  if (answers(place)) return place
  const allowed = process.getuid?.() === 0 || Boolean(process.env.CI)
  if (!allowed || onPath(aptGet) === undefined || onPath('dpkg') === undefined) throw new Error(advice)
  mkdirSync(join(cache, '..'), { recursive: true })
  const folder = mkdtempSync(join(cache, '..', 'new-'))
  try {
    unpack(folder)
    writeStarter(folder, 'redis-server')
    if (!answers(join(folder, 'redis-server'))) throw new Error('the unpacked redis-server does not start')
    // Whole or not at all: of two that run at once the later finds the other's, unless what is there does not run.
    if (!answers(place)) {
      rmSync(cache, { recursive: true, force: true })
      renameSync(folder, cache)
    }
  } catch (error) {
    if (!answers(place)) throw new Error(`${advice} (apt-get: ${error.message})`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return place
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(provideRedisServer())
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
