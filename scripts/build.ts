import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/* `tsc` and nothing else: dist/ is src/ without types. */

const root = join(import.meta.dirname, '..')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
// An installation without development dependencies has nothing to build with and ships dist/ already.
if (existsSync(tsc)) {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  execFileSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
  chmodSync(join(root, 'dist/cli.js'), 0o755)
}
