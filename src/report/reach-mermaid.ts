import { plainText, shortText } from '../core/plain-text.ts'
import type { Workload } from '../linkerd/reach/reach-workloads.ts'
import type { Link } from '../linkerd/reach/reachability.ts'
import { causeInWords, namesOf, portsInWords, type ReachReport, remarksOn, summaryOf } from './reach.ts'

/** Mermaid itself refuses more than 500 edges, and nobody reads that many. */
const mostEdges = 100

/** A flowchart that GitHub and others draw in a comment: broken links are thick and red, and named below with their cause. */
export function formatReachMermaid(report: ReachReport): string {
  const { links, placeOf } = report
  const shown = links.slice(0, mostEdges)
  const nodes = new Map<string, { readonly id: string; readonly workloads: readonly Workload[] }>()
  const idOf = (workloads: readonly Workload[]): string => {
    const key = JSON.stringify([workloads[0]?.name, workloads[0]?.pod.meshed])
    const known = nodes.get(key) ?? { id: `w${nodes.size}`, workloads }
    nodes.set(key, known)
    return known.id
  }
  const edges = shown.map((link) => `  ${idOf(link.from)} ${arrowOf(link)} ${idOf(link.to)}`)
  const lines = ['flowchart LR']
  const byNamespace = Map.groupBy(nodes.values(), ({ workloads }) => workloads[0]?.namespace ?? '')
  for (const [i, [namespace, members]] of [...byNamespace].entries()) {
    lines.push(`  subgraph n${i}[${quote(namespace)}]`)
    for (const { id, workloads } of members) lines.push(`    ${id}[${quote(namesOf(workloads, 3))}]`)
    lines.push('  end')
  }
  lines.push(...edges)
  const broken = shown.flatMap(({ verdict }, i) => (verdict === 'broken' ? [i] : []))
  if (broken.length > 0) lines.push(`  linkStyle ${broken.join(',')} stroke:#d1242f,stroke-width:3px,color:#d1242f`)
  for (const link of shown.filter(({ verdict }) => verdict === 'broken'))
    for (const cause of link.causes.slice(0, 1)) {
      const { file, line } = placeOf(cause.policy, cause.path)
      lines.push(comment(`${file}:${line} ${cause.rule ?? ''}: ${causeInWords(cause, link)}`))
    }
  if (links.length > shown.length) lines.push(comment(`${links.length - shown.length} more links are not drawn`))
  for (const remark of remarksOn(report)) lines.push(comment(remark))
  lines.push(comment(summaryOf(report)))
  return lines.map((line) => `${line}\n`).join('')
}

function arrowOf(link: Link): string {
  const ports = portsInWords(link)
  switch (link.verdict) {
    case 'broken':
      return `==>|${quote(`✖ ${ports}, ${link.wirePort} closed`)}|`
    case 'mesh-only':
      return `-.->|${quote(`${link.wirePort} only`)}|`
    case 'closed':
      return `--x|${quote('closed')}|`
    case 'unserved':
      return `-.->|${quote(`${ports}, not served`)}|`
    case 'open':
      return `-->|${quote(ports)}|`
  }
}

/** What ends a string, a fence or a directive, or would be read as markup, becomes a code of the character. */
function quote(text: string): string {
  return `"${shortText(text, 120).replaceAll(/[^\p{L}\p{N} ,./:_✖*-]/gu, (char) => `#${char.codePointAt(0)};`)}"`
}

/** Curly braces would make it a directive; backticks could end the fence around the whole. */
function comment(text: string): string {
  return `  %% ${plainText(text).replaceAll(/[{}`]/g, '\uFFFD')}`
}
