import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Disk, readPair } from '../../src/server/certificate-files.ts'
import { makeVolume } from './volume.ts'

const pair = (generation: string) => ({ cert: `cert ${generation}`, key: `key ${generation}` })

/** The disk, and what happens before each read of it. */
const disk = (before: (file: string) => void = () => undefined): Disk => ({
  read(file) {
    before(file)
    return readFile(file, 'utf8')
  },
  settle: async () => undefined,
})

/** A folder that is no volume. */
const folderOf = ({ cert, key }: { cert: string; key: string }) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-files-'))
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
  writeFileSync(files.certFile, cert)
  writeFileSync(files.keyFile, key)
  return { ...files, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

t.test('it reads one generation, when the link is swapped between the two files', async (t) => {
  const volume = makeVolume(pair('a'))
  t.teardown(volume.remove)
  let swapped = false
  const read = await readPair(
    volume,
    disk((file) => {
      if (swapped || !file.endsWith('tls.key')) return
      swapped = true
      volume.write(pair('b'))
    }),
  )
  t.match(read, pair('b'))
})

t.test('it reads one generation, however often the link is swapped', async (t) => {
  const volume = makeVolume(pair('0'))
  t.teardown(volume.remove)
  let next = 1
  const reads = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      if (i % 4 === 0) volume.write(pair(String(next++)))
      return readPair(volume)
    }),
  )
  for (const { cert, key } of reads) t.equal(key, cert.replace('cert', 'key'))
})

t.test('it hashes what it read', async (t) => {
  const volume = makeVolume(pair('a'))
  t.teardown(volume.remove)
  const { hash } = await readPair(volume)
  volume.write(pair('b'))
  t.not((await readPair(volume)).hash, hash)
  volume.write(pair('a'))
  t.equal((await readPair(volume)).hash, hash)
})

t.test('it waits, outside a volume, until nothing is written any more', async (t) => {
  const files = folderOf(pair('a'))
  t.teardown(files.remove)
  const steps = [
    () => writeFileSync(files.certFile, 'half of cert b'),
    () => writeFileSync(files.certFile, pair('b').cert),
    () => writeFileSync(files.keyFile, pair('b').key),
  ]
  const read = await readPair(files, { ...disk(), settle: async () => steps.shift()?.() })
  t.match(read, pair('b'))
})

t.test('it gives up on files that never come to rest', async (t) => {
  const files = folderOf(pair('a'))
  t.teardown(files.remove)
  let count = 0
  const restless: Disk = { ...disk(), settle: async () => writeFileSync(files.keyFile, `key ${count++}`) }
  await t.rejects(readPair(files, restless), /keep changing while they are read/)
})

t.test('it reports a file that is not there', async (t) => {
  const volume = makeVolume(pair('a'))
  volume.remove()
  await t.rejects(readPair(volume), { code: 'ENOENT' })
})
