import t from 'tap'
import { tlsOptions } from '../../src/server/tls.ts'

const pair = { cert: 'certificate', key: 'key' }

t.test('it tells TLS everything each time', async (t) => {
  t.match(tlsOptions(pair), { ...pair, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] })
  t.match(tlsOptions(pair, 'authorities'), { ca: 'authorities', requestCert: true, rejectUnauthorized: true })
})

t.test('it asks nobody for a certificate without being told to', async (t) => {
  const options = tlsOptions(pair)
  t.notOk('requestCert' in options || 'ca' in options)
})
