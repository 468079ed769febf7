import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { version } from '../../src/version.ts'
import { makeImageBase } from './image-base.ts'

/* The Dockerfile, built for real without a daemon. Its base image cannot be fetched everywhere: a Debian made here, with the node that runs this test, stands in for it. */

const root = join(import.meta.dirname, '../..')
const missing = ['buildah', 'debootstrap', 'unshare'].filter((tool) => spawnSync('which', [tool]).status !== 0)
const skip =
  process.getuid?.() !== 0
    ? 'an image is built as root only'
    : missing.length > 0 && `install ${missing.join(' and ')} to build the image`

const nodeAndFlags = ['/usr/local/bin/node', '--max-semi-space-size=8', '--disable-proto=delete', 'dist/cli.js']

t.test('the image', { skip, timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-image-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')]
  const buildah = async (...args: string[]) => (await finished('buildah', [...store, ...args], { cwd: root })).trim()
  const build = ['build', '--isolation', 'chroot', '--network', 'host', '--format', 'docker']

  await makeImageBase(folder)
  await buildah(...build, '--tag', 'base', '--file', join(folder, 'Base'), folder)
  // Whatever this machine trusts to fetch packages, the build has to trust.
  const trust = ['--volume', '/etc/ssl/certs:/etc/ssl/certs:ro']
  await buildah(...build, ...trust, '--build-arg', 'BASE=localhost/base', '--tag', 'meshgate', '.')
  const container = await buildah('from', '--isolation', 'chroot', 'localhost/meshgate')
  const image = await buildah('mount', container)
  const files = readdirSync(image, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(image, file), { throwIfNoEntry: false })?.isFile(),
  )
  const inside = (args: readonly string[], options: SpawnOptions = {}) => {
    // Read-only, as the chart runs it, as the user that the image names, and with nothing in its environment.
    const command =
      'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec env -i "PATH=$PATH" chroot --userspec=65532:65532 "$0" "$@"'
    const bin = [...nodeAndFlags.slice(0, -1), '/meshgate/dist/cli.js']
    return spawn('unshare', ['--mount', 'sh', '-c', command, image, ...bin, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  await t.test('it says who it is, who runs it and how its health is asked for', async (t) => {
    const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/meshgate'))
    t.match(Docker.config, {
      User: '65532:65532',
      WorkingDir: '/meshgate',
      Entrypoint: nodeAndFlags,
      Cmd: ['serve'],
      Healthcheck: { Test: ['CMD', '/usr/local/bin/node', 'dist/cli.js', 'health'] },
      Labels: {
        'org.opencontainers.image.title': 'meshgate',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    })
  })

  await t.test('it holds node, the libraries node is linked to, meshgate, and nothing else', async (t) => {
    const others = files.filter(
      (file) => !file.startsWith('meshgate/') && !/^lib(64|\/[^/]+)?\/[^/]+\.so\.\d+$/.test(file),
    )
    t.same(others.toSorted(), ['etc/group', 'etc/nsswitch.conf', 'etc/passwd', 'usr/local/bin/node'])
    const setId = files.filter((file) => (statSync(join(image, file)).mode & 0o6000) !== 0)
    t.same(setId, [], 'no file changes who runs it')
  })

  await t.test('it holds exactly the packages of the lockfile that are not for development', async (t) => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const locked = Object.entries<{ version: string; dev?: boolean; optional?: boolean }>(packages)
      .filter(([path, { dev }]) => path !== '' && !dev)
      .map(([path, entry]) => ({ path, ...entry }))
    const shipped = new Set(
      files.filter((file) => /^meshgate\/.*node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(file)).map(dirname),
    )
    for (const { path, version, optional } of locked) {
      const there = shipped.delete(`meshgate/${path}`)
      if (!there) t.ok(optional, `${path} is there`)
      else
        t.equal(JSON.parse(readFileSync(join(image, 'meshgate', path, 'package.json'), 'utf8')).version, version, path)
    }
    t.same([...shipped], [], 'nothing else is there')
  })

  await t.test('it says its version, on a root that cannot be written', async (t) => {
    const started = performance.now()
    const child = inside(['--version'])
    t.equal(child.stdout && (await text(child.stdout)), `${version}\n`)
    t.comment(`from nothing to --version in ${Math.round(performance.now() - started)} ms`)
  })

  await t.test('it serves, is healthy, and goes when it is told to', async (t) => {
    const started = performance.now()
    const child = inside(['serve', '--host', '127.0.0.1', '--port', '0', '--no-cluster', '--drain', '0'])
    t.teardown(() => child.kill('SIGKILL'))
    const ended = new Promise((resolve) => child.on('exit', resolve))
    const url = await new Promise<string>((resolve, reject) => {
      let said = ''
      child.stdout?.on('data', (chunk) => {
        said += String(chunk)
        const found = /serves (\S+)\n/.exec(said)?.[1]
        if (found !== undefined) resolve(found)
      })
      void ended.then(() => reject(new Error(`it ended: ${said}`)))
    })
    t.comment(`from nothing to serving in ${Math.round(performance.now() - started)} ms`)
    for (const path of ['/livez', '/readyz']) {
      const asked = inside(['health', `${url}${path}`])
      const status = await new Promise((resolve) => asked.on('exit', resolve))
      t.equal(status, 0, path)
    }
    child.kill('SIGTERM')
    t.equal(await ended, 0)
  })

  const bytes = files.reduce((sum, file) => sum + statSync(join(image, file)).size, 0)
  t.comment(`${files.length} files, ${Math.round(bytes / 2 ** 20)} MiB`)
  await buildah('rm', container)
})

/** What a command prints; an error with all that it said where it fails. */
async function finished(command: string, args: readonly string[], options: SpawnOptions): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const status = new Promise((resolve) => child.on('exit', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if ((await status) !== 0)
    throw new Error(`${command} ${args.join(' ')}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`)
  return stdout
}
