import { type Box, boxOf, contains, intersect, requirePattern, uncovered } from '../../src/policy/box.ts'
import { allowedButDenied, type Claim, partsOf } from '../../src/policy/coverage.ts'
import type { Action } from '../../src/policy/policy.ts'
import { finish } from './compare.ts'
import { type Dice, diceFrom, selectorFrom } from './worlds.ts'

/*
 * node test/oracle/coverage.ts [CASES [SEED]]: what boxes say of all Pods there can be, against asking every one of them. A case is a
 * box, and claims that allow, deny or pass on in up to three tiers. `uncovered`: is everything in what is allowed? `partsOf`: is
 * each Pod in one part, with the action that it gets? `allowedButDenied`: is there one that is allowed here, and denied there?
 */

const keys = ['a', 'b', 'c'] as const
/** The values that selectors name (worlds.ts), and some that they do not: parts of one another, for terms about parts. */
const values = [undefined, 'x', 'y', 'z', 'xy', 'zx', 'qxq'] as const

type Labels = Readonly<Record<string, string>>

const everybody: readonly Labels[] = keys.reduce<Labels[]>(
  (all, key) =>
    all.flatMap((labels) => values.map((value) => (value === undefined ? labels : { ...labels, [key]: value }))),
  [{}],
)

function boxFrom(dice: Dice): Box {
  const box = boxOf(selectorFrom(dice, keys), '') ?? new Map()
  if (!dice.once(3)) return box
  const operator = dice.oneOf(['starts with', 'ends with', 'contains'] as const)
  return intersect(
    box,
    requirePattern(new Map(), dice.oneOf(keys), operator, dice.oneOf(['x', 'y', 'xy']), dice.once(2)),
  )
}

function claimsFrom(dice: Dice): Claim[] {
  const claims = dice.some(
    0,
    5,
    (): Claim => ({
      box: boxFrom(dice),
      action: dice.oneOf<Action>(['allow', 'allow', 'deny', 'pass']),
      tier: dice.pick(3),
    }),
  )
  return claims.sort((left, right) => left.tier - right.tier)
}

/** The definition: the first claim that holds; after `pass` those of later tiers; in the end, allowed. */
function actionFor(claims: readonly Claim[], labels: Labels): Action {
  let passed = -1
  for (const { box, action, tier } of claims) {
    if (tier === passed || !contains(box, labels, '')) continue
    if (action !== 'pass') return action
    passed = tier
  }
  return 'allow'
}

/** Values of up to five characters: enough for what two terms about parts and a set of values leave open. */
const candidates: readonly string[] = Array.from({ length: 5 }).reduce<string[]>(
  (all) => ['', ...all.flatMap((text) => ['x', 'y', 'z', 'q'].map((more) => text + more))],
  [''],
)

/** Labels that are in a box, if any are: also with values that nobody named. */
function labelsIn(box: Box): Labels | undefined {
  const labels: Record<string, string> = {}
  for (const key of keys) {
    const terms: Box = new Map([...box].filter(([term]) => term.startsWith(key)))
    if (contains(terms, {}, '')) continue
    const value = candidates.find((one) => contains(terms, { [key]: one }, ''))
    if (value === undefined) return undefined
    labels[key] = value
  }
  return labels
}

/** Is a remainder there exactly where there should be one, and what it says? */
function isRight(found: Box | undefined, isWitness: (labels: Labels) => boolean): boolean {
  if (!found) return !everybody.some(isWitness)
  const labels = labelsIn(found)
  return labels !== undefined && isWitness(labels)
}

const [cases = 200_000, seed = 1] = process.argv.slice(2).map(Number)
const counts = { covered: 0, uncovered: 0, parts: 0, broken: 0, whole: 0, unknown: 0 }
let disagreements = 0
let all = 0
const disagree = (what: string, ...details: readonly unknown[]) => {
  if (++disagreements <= 5) console.log(what, ...details)
}
for (let i = 0; i < cases; i++) {
  const dice = diceFrom(seed + i)
  const box = boxFrom(dice)
  const inside = everybody.filter((labels) => contains(box, labels, ''))

  const others = dice.some(0, 4, () => boxFrom(dice))
  const isLeft = (labels: Labels) => contains(box, labels, '') && !others.some((other) => contains(other, labels, ''))
  const left = uncovered(box, others)
  all++
  counts[left ? 'uncovered' : 'covered']++
  if (left === 'unknown') counts.unknown++
  else if (!isRight(left, isLeft)) disagree('uncovered', left, box, others)

  const claims = claimsFrom(dice)
  const parts = partsOf(box, claims)
  all++
  if (!parts) counts.unknown++
  else
    for (const labels of inside) {
      const holding = parts.filter((part) => contains(part.box, labels, ''))
      counts.parts++
      if (holding.length !== 1 || holding[0]?.action !== actionFor(claims, labels)) {
        disagree('parts', labels, holding, box, claims)
        break
      }
    }

  const denying = claimsFrom(dice)
  const isBroken = (labels: Labels) =>
    contains(box, labels, '') && actionFor(claims, labels) === 'allow' && actionFor(denying, labels) === 'deny'
  const broken = allowedButDenied(box, claims, denying)
  all++
  counts[broken ? 'broken' : 'whole']++
  if (broken === 'unknown') counts.unknown++
  else if (!isRight(broken, isBroken)) disagree('allowed but denied', broken, box, claims, denying)
}
console.log(`coverage: ${cases} cases from seed ${seed}, ${JSON.stringify(counts)}; ${disagreements} disagreements`)
finish([{ agree: all - disagreements, all }])
