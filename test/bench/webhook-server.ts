import { fastify } from 'fastify'
import { defaultConfig } from '../../src/config/config.ts'
import { startWebhook } from '../../src/main.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'

/*
 * One of the two servers of the webhook's bench, in a process of its own: `meshgate`, or `bare`, a Fastify app that parses the
 * same bodies and answers `allowed`. Tells its URL, and when asked the CPU time it has used; ends with its parent.
 */

const [which, snapshot] = process.argv.slice(2)

if (which === 'meshgate') {
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    snapshot: snapshot === undefined ? [] : [snapshot],
    config: defaultConfig,
  })
  tell(`${webhook.url}/validate`)
} else {
  const { cert, key } = makeSelfSigned(['127.0.0.1'], new Date())
  const app = fastify({ https: { cert, key, minVersion: 'TLSv1.3' }, bodyLimit: 16 * 1024 * 1024 })
  app.post('/validate', async (request) => {
    const {
      apiVersion,
      kind,
      request: asked,
    } = request.body as { apiVersion: string; kind: string; request: { uid: string } }
    return { apiVersion, kind, response: { uid: asked.uid, allowed: true } }
  })
  tell(`${await app.listen({ host: '127.0.0.1', port: 0 })}/validate`)
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell(user + system)
})
process.on('disconnect', () => process.exit(0))

function tell(message: string | number): void {
  process.send?.(message)
}
