import { spawnAvailability } from './availability.ts'

await spawnAvailability({ perSecond: 50, rounds: 1, stopSeconds: 12, floodSeconds: 6, gapSeconds: [] })
