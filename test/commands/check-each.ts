import { check } from '../../src/commands/check.ts'
import { worldIn } from './world.ts'

/* Checks each file alone; prints the exit code and the first failure of each, and at last the most memory there was. */

for (const file of process.argv.slice(2)) {
  const { world, said } = worldIn('/')
  const status = await check([file, '--format', 'json', '--fail-on', 'never'], world)
  console.log(JSON.stringify({ status, failure: JSON.parse(said.stdout).failures[0] }))
}
console.log(JSON.stringify({ peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }))
