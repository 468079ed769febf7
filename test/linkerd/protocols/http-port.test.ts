import t from 'tap'
import { httpSignOf } from '../../../src/linkerd/protocols/http-port.ts'

const settings = { protocols: [] }

t.test('it knows HTTP by name, image or number, as the table says', async (t) => {
  for (const [number, name, image, sign] of [
    [9300, 'http', 'elasticsearch:8', 'name'],
    [9300, 'http2', 'example/app', 'name'],
    [9300, 'grpc-api', 'example/app', 'name'],
    [9300, 'tcp-h2c', 'example/app', 'name'],
    [9300, 'https', 'example/app', undefined],
    [9300, 'http-tls', 'example/app', undefined],
    [9300, 'httpd', 'example/app', undefined],
    [9300, undefined, 'example/app', undefined],
    [4444, undefined, 'selenium/hub:4', 'image'],
    [4444, 'web', 'selenium/standalone-chrome:4', 'image'],
    [4444, undefined, 'aerokube/selenoid', 'image'],
    [5555, undefined, 'selenium/hub:4', undefined],
    [4444, undefined, 'example/hub', undefined],
    [80, undefined, 'example/app', 'number'],
    [8080, 'web', undefined, 'number'],
    [8081, undefined, 'example/app', undefined],
    [8080, 'mysql', 'mysql:8', undefined],
  ] as const)
    t.equal(
      httpSignOf({ number, name, container: { image: image ?? null } }, settings),
      sign,
      `${number} ${name} ${image}`,
    )
})
