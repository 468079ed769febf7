import t from 'tap'
import { after, type Held, nothingHeld } from '../../src/pki/authority-plan.ts'
import {
  authoritiesIn,
  ownLabel,
  ownShare,
  readSecret,
  type SecretContent,
  writeSecret,
} from '../../src/pki/authority-secret.ts'
import { makeAuthority, makeLeaf } from '../../src/pki/issue-certificate.ts'

const dayMs = 24 * 3600 * 1000
const nowMs = Math.floor(Date.now() / 1000) * 1000
const names = ['meshgate.meshgate.svc', '127.0.0.1']
const [first, second, strange] = [
  await makeAuthority(nowMs, 100 * dayMs),
  await makeAuthority(nowMs, 100 * dayMs),
  await makeAuthority(nowMs, 100 * dayMs),
]
const leaf = await makeLeaf(first, names, nowMs, 10 * dayMs)
const begun = after({ do: 'begin', keep: [] }, nothingHeld, { authority: first, leaf }, nowMs)
const announced = after({ do: 'announce' }, begun, { authority: second }, nowMs)
const full = after({ do: 'mark' }, announced, {}, nowMs)

const held = (secret: SecretContent | undefined, at = nowMs, wanted = names): Held => {
  const found = readSecret(secret, wanted, at)
  if (found.as !== 'ours') throw new Error(`it is ${found.as}`)
  return found.held
}
const written = writeSecret(full)
const without = (key: string): SecretContent => {
  const { [key]: _, ...data } = written.data
  return { ...written, data }
}
const replaced = (key: string, text: string): SecretContent => ({ ...written, data: { ...written.data, [key]: text } })

t.test('it reads what it has written', async (t) => {
  for (const [what, wish] of Object.entries({ begun, announced, full })) t.same(held(writeSecret(wish)), wish, what)
  t.same(Object.keys(written.data).sort(), ['ca-bundle.crt', 'ca.key', 'next-ca.key', 'tls.crt', 'tls.key'])
  t.same(Object.keys(written.data), ownShare.keys, 'and nothing else')
  t.same(Object.keys(written.annotations), ownShare.annotations)
  const handedOver = after({ do: 'hand-over' }, full, { leaf: await makeLeaf(second, names, nowMs, dayMs) }, nowMs)
  t.same(held(writeSecret(handedOver)), handedOver)
  t.notOk(Object.hasOwn(writeSecret(handedOver).data, 'next-ca.key'))
})

t.test('it knows whose Secret it is', async (t) => {
  t.same(readSecret(undefined, names, nowMs), { as: 'absent' })
  t.same(readSecret({ ...written, labels: {} }, names, nowMs), { as: 'foreign' })
  t.same(readSecret({ ...written, labels: { [ownLabel]: 'false' } }, names, nowMs), { as: 'foreign' })
  t.same(held({ labels: written.labels, annotations: {}, data: {} }), nothingHeld)
})

t.test('it leaves out what is missing or broken, and nothing else', async (t) => {
  const { authorities } = full
  const noBundle = { ...full, authorities: [], signing: undefined, next: undefined, leaf: undefined }
  const rows: readonly (readonly [string, SecretContent, Held])[] = [
    ['no bundle', without('ca-bundle.crt'), noBundle],
    ['a bundle of something else', replaced('ca-bundle.crt', 'QUJD'), noBundle],
    ['no key', without('ca.key'), { ...full, signing: undefined }],
    ['a broken key', replaced('ca.key', (first.key ?? '').slice(0, 300)), { ...full, signing: undefined }],
    ["a stranger's key", replaced('ca.key', strange.key), { ...full, signing: undefined }],
    ['no next key', without('next-ca.key'), { ...full, next: undefined }],
    ['one key twice', replaced('next-ca.key', first.key), { ...full, next: undefined }],
    ['no certificate', without('tls.crt'), { ...full, leaf: undefined }],
    ['a certificate that breaks off', replaced('tls.crt', leaf.cert.slice(0, 400)), { ...full, leaf: undefined }],
    ['no key of the certificate', without('tls.key'), { ...full, leaf: undefined }],
    ['a key of another certificate', replaced('tls.key', strange.key), { ...full, leaf: undefined }],
    [
      'an authority as the certificate',
      { ...written, data: { ...written.data, 'tls.crt': first.authority.pem, 'tls.key': first.key } },
      { ...full, leaf: undefined },
    ],
    [
      "a leaf as an authority's certificate",
      { ...written, data: { ...written.data, 'ca-bundle.crt': leaf.cert, 'ca.key': leaf.key, 'next-ca.key': '' } },
      { ...noBundle, authorities: authoritiesIn(leaf.cert), leaf: { ...leaf, issuer: leaf.id } },
    ],
    [
      'broken annotations',
      {
        ...written,
        annotations: { 'meshgate.dev/ca-published': 'x', 'meshgate.dev/ca-signs-since': `${first.authority.id} soon` },
      },
      { ...full, published: undefined, signsSince: undefined },
    ],
    [
      'a broken certificate in the bundle',
      replaced(
        'ca-bundle.crt',
        `${authorities[0]?.pem}-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n${authorities[1]?.pem}`,
      ),
      full,
    ],
    [
      'text around certificates, and one twice',
      replaced(
        'ca-bundle.crt',
        `# mine\r\n${authorities.map(({ pem }) => pem.replaceAll('\n', '\r\n')).join('and\n')}${authorities[0]?.pem}`,
      ),
      full,
    ],
  ]
  for (const [what, secret, expected] of rows) t.same(held(secret), expected, what)
})

t.test('it takes a leaf for good only under all names, now', async (t) => {
  t.equal(held(written, nowMs, [...names, 'meshgate.other.svc']).leaf, undefined, 'another name')
  t.equal(held(written, nowMs, [...names, '127.0.0.2']).leaf, undefined, 'another address')
  t.equal(held(written, nowMs, ['meshgate.meshgate.svc']).leaf?.id, leaf.id, 'fewer names')
  t.equal(held(written, nowMs + 11 * dayMs).leaf, undefined, 'it is over')
  const stranger = await makeLeaf(strange, names, nowMs, dayMs)
  const secret = { ...written, data: { ...written.data, 'tls.crt': stranger.cert, 'tls.key': stranger.key } }
  t.equal(held(secret).leaf, undefined, 'of another authority')
})
