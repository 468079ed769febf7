import t from 'tap'
import { refusalsIn } from '../../src/manifests/kubectl-refusals.ts'

const object = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n'

/** What `kubectl annotate --local -f` (1.37) said of each: refused or passed over, and in which line, or taken. */
t.test('it tells of what kubectl refuses or passes over, and of nothing else', async (t) => {
  const refused: readonly (readonly [text: string, line: number])[] = [
    [`%YAML 1.1\n---\n${object}`, 1],
    [`%YAML 1.2\n---\n${object}`, 1],
    [`%TAG ! tag:e,2000:\n---\n${object}`, 1],
    [`%FOO bar\n---\n${object}`, 1],
    [`\uFEFF%YAML 1.1\n---\n${object}`, 1],
    [`%YAML 1.1\r\n---\r\n${object}`, 1],
    [`# c\n\n%YAML 1.1\n---\n${object}`, 3],
    [`# c\n---\n%YAML 1.1\n---\n${object}`, 3],
    [`---\n---\n%YAML 1.1\n---\n${object}`, 3],
    [`${object}---\n%YAML 1.1\n---\n${object}`, 5],
    [`${object}---\n%YAML 1.1\n`, 5],
    [`...\n${object}`, 1],
    [`${object}---\n# c\n...\n---\n${object}`, 6],
    [`${object}--- {}\n`, 4],
    [`--- !!map\n${object}`, 1],
    [`${object}...\n${object}`, 5],
    [`${object}... # c\n# d\n\n${object}---\n${object}`, 7],
    [`---\n${object}...\n${object}...\n---\n${object}`, 6],
  ]
  for (const [text, line] of refused)
    t.same(
      [...refusalsIn(text)].map((refusal) => refusal.line),
      [line],
      JSON.stringify(text),
    )
  for (const text of [
    object,
    `---\n${object}`,
    `---\n%YAML 1.1\n---\n${object}`,
    `---\n# c\n\n%YAML 1.2\n---\n${object}`,
    `${object}...\n%YAML 1.1\n---\n${object}`,
    `${object}---\n---\n%YAML 1.1\n---\n${object}`,
    `${object}...\n---\n${object}`,
    `${object}...\n...\n# c\n---\n${object}...`,
    `--- # c\n${object}---\t# d\n${object}`,
    `${object}data:\n  x: |\n    %YAML 1.1\n    --- {}\n    ...\n`,
  ])
    t.same([...refusalsIn(text)], [], JSON.stringify(text))
})

t.test('it says where the line starts and the way out', async (t) => {
  t.same(
    [...refusalsIn(`${object}---\n%YAML 1.2\n---\n${object}--- {}\n`)],
    [
      { offset: object.length + 4, line: 5, text: 'kubectl refuses %YAML directives; remove the line' },
      {
        offset: 2 * object.length + 18,
        line: 10,
        text: 'kubectl takes nothing behind --- but a comment; put it on the next line',
      },
    ],
  )
})
