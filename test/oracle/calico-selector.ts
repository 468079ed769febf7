import { contains } from '../../src/policy/box.ts'
import { boxesOf } from '../../src/policy/calico-boxes.ts'
import { parseCalicoSelector } from '../../src/policy/calico-selector.ts'
import { askLines } from './ask.ts'
import { finish, programOf } from './compare.ts'
import { type Dice, diceFrom } from './worlds.ts'

/*
 * node test/oracle/calico-selector.ts [CASES [SEED]]: are Calico's selectors to us what they are to Calico's own parser? Each case is
 * one text, most of them selectors, and all labels of a small universe: it is a selector or none, and selects the same.
 */

const keys = ['app', 'tier', 'has', 'a.b/c-d_e', 'in', 'constructor'] as const
const values = ['x', 'xy', 'yx', '', 'web-1'] as const

function selectorFrom(dice: Dice, depth: number): string {
  if (depth > 0 && dice.once(2)) {
    const parts = dice.some(2, 3, () => selectorFrom(dice, depth - 1))
    const joined = parts.join(dice.oneOf(['&&', ' && ', ' || ', '||']))
    return dice.once(2) ? `(${joined})` : joined
  }
  if (depth > 0 && dice.once(5)) return `!${dice.oneOf(['', ' ', '! '])}(${selectorFrom(dice, depth - 1)})`
  return `${dice.once(8) ? '!' : ''}${termFrom(dice)}`
}

function termFrom(dice: Dice): string {
  const key = dice.oneOf(keys)
  const text = () => (dice.once(2) ? `'${dice.oneOf(values)}'` : `"${dice.oneOf(values)}"`)
  const set = () => `{${dice.some(0, 3, text).join(dice.oneOf([',', ', ']))}}`
  return dice.oneOf([
    `${key} == ${text()}`,
    `${key}==${text()}`,
    `${key} != ${text()}`,
    `${key} in ${set()}`,
    `${key} not in ${set()}`,
    `has(${key})`,
    `${key} contains ${text()}`,
    `${key} starts with ${text()}`,
    `${key} ends with ${text()}`,
    dice.oneOf([
      'all()',
      'global()',
      `has( ${key} )`,
      'all( )',
      'all ()',
      '',
      `${key} notin ${set()}`,
      `${key} startswith ${text()}`,
      `${key} endswith ${text()}`,
      `${key} not  in ${set()}`,
    ]),
  ])
}

/** A text as it is, or with something wrong. */
function textFrom(dice: Dice): string {
  const text = selectorFrom(dice, 2)
  if (!dice.once(8)) return dice.once(10) ? ` ${text} ` : text
  const at = dice.pick(text.length + 1)
  return (
    text.slice(0, at) +
    dice.oneOf(['', ' ', '!', '(', ')', "'", '&&', ',', '=', '{', 'x', '#']) +
    text.slice(at + dice.pick(2))
  )
}

/** Every label set of these keys that a case can tell apart. */
function universe(dice: Dice): Record<string, string>[] {
  return Array.from({ length: 24 }, () =>
    Object.fromEntries(keys.filter(() => !dice.once(3)).map((key) => [key, dice.oneOf([...values, 'other'])])),
  )
}

const [cases = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const questions = Array.from({ length: cases }, (_, i) => {
  const dice = diceFrom(seed + i)
  return { id: i, selector: textFrom(dice), labels: universe(dice) }
})
const answers = askLines<{ match: boolean | boolean[]; error?: string }>(programOf('calico-selector'), questions)
let all = 0
let selected = 0
let refused = 0
let tooMany = 0
let disagreements = 0
for (const [i, { selector, labels }] of questions.entries()) {
  const { match, error } = answers[i] ?? {}
  const ours = parseCalicoSelector(selector)
  const boxes = ours && boxesOf(ours, (key) => ({ key }))
  all++
  if ((error === undefined) !== (ours !== undefined)) {
    if (++disagreements <= 10)
      console.log(`${JSON.stringify(selector)}: ${error ?? 'is a selector to Calico, and none to us'}`)
    continue
  }
  if (!ours) refused++
  else if (!boxes) tooMany++
  else
    for (const [j, one] of labels.entries()) {
      const theirs = Array.isArray(match) ? match[j] === true : match === true
      all++
      if (theirs) selected++
      if (boxes.some((box) => contains(box, one, '')) === theirs) continue
      if (++disagreements <= 10)
        console.log(
          `${selector} selects ${JSON.stringify(one)} to ${theirs ? 'Calico, not to us' : 'us, not to Calico'}`,
        )
    }
}
console.log(
  `calico-selector: ${cases} texts from seed ${seed}, ${refused} of them none, ${all} results compared (${selected} selected), ${tooMany} in too many boxes; ${disagreements} disagreements`,
)
finish([{ agree: all - disagreements, all }])
