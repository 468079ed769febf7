import t from 'tap'
import { readExpiry } from '../../src/config/expiry.ts'

t.test('it ends after the day, in UTC, or at the moment', async (t) => {
  const table = [
    ['2027-01-31', '2027-02-01T00:00:00.000Z'],
    ['2027-12-31', '2028-01-01T00:00:00.000Z'],
    ['2028-02-29', '2028-03-01T00:00:00.000Z'],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31t12:00:00.5z', '2027-01-31T12:00:00.500Z'],
    ['2027-01-31T23:30:00-02:00', '2027-02-01T01:30:00.000Z'],
    ['2027-01-31T00:30:00+02:00', '2027-01-30T22:30:00.000Z'],
  ] as const
  for (const [text, end] of table) t.equal(new Date(readExpiry(text) ?? Number.NaN).toISOString(), end, text)
})

t.test('it knows no day and no time that does not exist', async (t) => {
  for (const text of [
    '2027-02-29',
    '2027-02-30',
    '2027-04-31',
    '2027-13-01',
    '2027-00-10',
    '2027-01-00',
    '2027-01-31T25:00:00Z',
  ])
    t.equal(readExpiry(text), undefined, text)
})
