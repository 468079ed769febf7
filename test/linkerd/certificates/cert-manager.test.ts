import t from 'tap'
import { durationMs } from '../../../src/linkerd/certificates/cert-manager.ts'

t.test('it reads durations as Go does', async (t) => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['24h', 86_400_000],
    ['8760h0m0s', 31_536_000_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['0', 0],
    ['90d', undefined],
    ['30', undefined],
    ['', undefined],
    ['h', undefined],
    ['-1h', undefined],
    ['1h ', undefined],
    [`${'9'.repeat(100)}h`, undefined],
  ]
  for (const [text, ms] of rows) t.equal(durationMs(text), ms, JSON.stringify(text))
})
