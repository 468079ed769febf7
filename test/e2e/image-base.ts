import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Makes a folder from which `Base` (a Dockerfile) builds what the project's own Dockerfile expects of its base image: a small
 * Debian with the node that runs this process and with npm. Needs debootstrap and root.
 */
export async function makeImageBase(folder: string): Promise<void> {
  const debian = join(folder, 'debian')
  await run('debootstrap', ['--variant=minbase', 'bookworm', debian])
  const local = join(debian, 'usr/local')
  copyFileSync(process.execPath, join(local, 'bin/node'))
  const { stdout: modules } = await run('npm', ['root', '--global'])
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
  cpSync(join(modules.trim(), 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
  // As an archive: device files and owners survive.
  await run('tar', ['--create', '--file', join(folder, 'debian.tar'), '--directory', debian, '.'])
  writeFileSync(
    join(folder, 'Base'),
    'FROM scratch\nADD debian.tar /\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n',
  )
}
