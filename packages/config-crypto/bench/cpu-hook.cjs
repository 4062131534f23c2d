// Tells what CPU time a whole process took, from its first instruction on.
const { writeFileSync } = require('node:fs')
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  writeFileSync(process.env.BENCH_CPU_FILE, String((user + system) / 1000))
})
