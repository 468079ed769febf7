import { spawnAvailability } from '../e2e/availability.ts'

/*
 * Replicas that come, go, die and stand still, for long: ROUNDS rolling restarts at a hundred calls a second, and connections that
 * are used again after each of the pauses at which a close may cross a call. MESHGATE_KIT_BIN as for the end-to-end tests.
 */

const rounds = Number(process.env['ROUNDS'] ?? 20)
await spawnAvailability({ perSecond: 100, rounds, stopSeconds: 30, floodSeconds: 60, gapSeconds: [60, 72, 90, 119] })
