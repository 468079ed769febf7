import { usualLives } from '../own-authority.ts'
import type { Lives } from '../pki/authority-plan.ts'
import { UsageError } from './arguments.ts'

/** What `serve` was told of an authority of its own. */
export interface SelfSignedArguments {
  readonly secret: string | undefined
  readonly lives: string | undefined
  readonly hasCert: boolean
  /** Are its cluster and its namespace known? */
  readonly isInCluster: boolean
}

/**
 * The Secret and the lives; undefined where there is to be none.
 *
 * @throws UsageError
 */
export function readSelfSigned({ secret, lives, hasCert, isInCluster }: SelfSignedArguments) {
  if (secret === undefined) {
    if (lives !== undefined) throw new UsageError('--self-signed-lives needs --self-signed-secret')
    return undefined
  }
  if (hasCert) throw new UsageError('--self-signed-secret makes the certificate itself: it does not go with --cert')
  if (!isInCluster)
    throw new UsageError('--self-signed-secret needs a cluster, and its namespace in the environment as POD_NAMESPACE')
  return { secret, lives: lives === undefined ? usualLives : livesFrom(lives) }
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `3650d,90d,10m` */
function livesFrom(text: string): Lives {
  const [authorityMs = 0, leafMs = 0, overlapMs = 0, ...rest] = text.split(',').map((part) => {
    const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(part) ?? []
    return Number(amount ?? Number.NaN) * (units[unit] ?? Number.NaN)
  })
  // The last third of a life must have room for what comes next.
  if (rest.length > 0 || !(overlapMs >= 1000 && leafMs >= 4 * overlapMs && authorityMs >= 2 * leafMs))
    throw new UsageError(
      '--self-signed-lives takes CA,LEAF,OVERLAP such as 3650d,90d,10m; a CA lives twice as long as a leaf at least, ' +
        `and that four times as long as the overlap: not ${JSON.stringify(text)}`,
    )
  return { authorityMs, leafMs, overlapMs }
}
