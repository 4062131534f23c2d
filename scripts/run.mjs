// Runs the workspace's tasks with the tools this repository pins: `node scripts/run.mjs build [turbo flags]`, `check` for everything,
// `long` for the proofs that take longer than a newcomer should wait.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { provideRedisServer } from './redis-server.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const env = {
  ...process.env,
  PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
}

const run = (command, ...args) => {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
const turbo = (...args) => run('turbo', 'run', ...args, '--no-update-notifier')

/** Once, before the tests of all packages run side by side and would each look for one. */
const findRedis = () => {
  try {
    env.PORTCULLIS_REDIS_SERVER = provideRedisServer()
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}

const [task, ...flags] = process.argv.slice(2)
if (task === 'build') {
  turbo('build', ...flags)
} else if (task === 'long') {
  env.PORTCULLIS_LONG = '1'
  findRedis()
  turbo('test', '--output-logs=errors-only', '--concurrency=2', '--force')
} else if (task === 'check') {
  findRedis()
  turbo('build', '--output-logs=errors-only')
  run('oxlint', '--quiet')
  run('biome', 'format', '.')
  run('depcruise', '--config', '.dependency-cruiser.cjs', 'packages', 'internal', 'apps')
  run('knip')
  turbo('typecheck', 'test', '--output-logs=errors-only', '--concurrency=2')
  run(process.execPath, 'scripts/check-packages.mjs')
  const data = env.PORTCULLIS_TEST_DATA ?? join(root, '..', 'shared')
  if (!existsSync(join(data, 'corpora'))) {
    console.warn(
      `*** Without the attack corpora (${data}): the tests of detection ran on a few built-in payloads. Set PORTCULLIS_TEST_DATA. ***`,
    )
  }
} else {
  console.error('usage: node scripts/run.mjs build|check|long [turbo flags]')
  process.exit(2)
}
