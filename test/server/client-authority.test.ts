import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readClientAuthority } from '../../src/server/client-authority.ts'
import { makeCertificate } from './make-certificate.ts'

t.test('it keeps what it had where TLS does not take the next', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-authority-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ca.crt')
  const [first, next] = [makeCertificate({}).cert, makeCertificate({}).cert]
  writeFileSync(file, first)
  const authority = await readClientAuthority(file)
  writeFileSync(file, next)
  const refuse = () => {
    throw new Error('too weak')
  }
  t.match(await authority.look(refuse), { as: 'refused', reason: 'rejected', message: /ca\.crt: too weak$/ })
  t.equal(authority.current(), first)
  const taken: string[] = []
  t.same(await authority.look((pem) => taken.push(pem)), { as: 'swapped' })
  t.same([taken, authority.current()], [[next], next])
  t.same(await authority.look(refuse), { as: 'unchanged' })
})
