import t from 'tap'
import { decodeBase64, secretText } from '../../src/k8s/base64.ts'
import { readResource } from '../../src/k8s/resource.ts'

t.test('it decodes as Go decodes a []byte of JSON', async (t) => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['', ''],
    ['YWJj', 'abc'],
    ['YWI=', 'ab'],
    ['YQ==', 'a'],
    ['YW\nJj\r\n', 'abc'],
    ['YQ', undefined],
    ['YQ=', undefined],
    ['Y Q==', undefined],
    ['-_-_', undefined],
    ['YQ==YQ==', undefined],
    ['${CA}', undefined],
  ]
  for (const [text, decoded] of rows) t.equal(decodeBase64(text), decoded, JSON.stringify(text))
})

t.test('it finds the text of a Secret where the API server would', async (t) => {
  const read = readResource({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a' },
    data: { both: 'YQ==', encoded: 'Yg==', broken: '%' },
    stringData: { both: 'c' },
  })
  if (read.as !== 'resource' || read.resource.kind !== 'Secret') throw new Error(read.as)
  const { resource } = read
  t.same(secretText(resource, 'both'), { text: 'c', path: ['stringData', 'both'] })
  t.same(secretText(resource, 'encoded'), { text: 'b', path: ['data', 'encoded'] })
  t.same(secretText(resource, 'broken'), { text: undefined, path: ['data', 'broken'] })
  t.equal(secretText(resource, 'constructor'), undefined)
})
