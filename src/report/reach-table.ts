import { plainText, shortText } from '../core/plain-text.ts'
import type { Link } from '../linkerd/reach/reachability.ts'
import {
  causeInWords,
  meshInWords,
  namesOf,
  portsInWords,
  type ReachReport,
  remarksOn,
  summaryOf,
  verdictInWords,
} from './reach.ts'
import type { Paint } from './text.ts'

/** More rows are counted. */
const mostRows = 500
const widest = 60
const mostCauses = 5

/** For people at a terminal: one row per link, below it what breaks it, a count at the end. */
export function formatReachTable(report: ReachReport, paint: Paint): string {
  const { links, failures } = report
  const shown = links.slice(0, mostRows)
  const rows = shown.map(cellsOf)
  const head = ['FROM', 'TO', 'PORTS', 'MESH PORT', 'VERDICT']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i]?.length ?? 0)))
  const row = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  const lines = failures.map(({ file, line, column, text }) => plainText(`${file}:${line}:${column}  failed  ${text}`))
  if (shown.length > 0) lines.push(paint('quiet', row(head)))
  for (const [i, link] of shown.entries()) {
    const text = row(rows[i] ?? [])
    lines.push(link.verdict === 'broken' ? paint('error', text) : text, ...causesOf(link, report))
  }
  if (links.length > shown.length)
    lines.push(
      `${links.length - shown.length} more rows; --format json has all of them, --from, --to, --namespace and --broken fewer`,
    )
  for (const remark of remarksOn(report)) lines.push(paint('quiet', `note: ${plainText(remark)}`))
  lines.push(`${report.reach.pairs.broken > 0 ? '✖' : '✔'} ${summaryOf(report)}`)
  return lines.map((line) => `${line}\n`).join('')
}

function cellsOf(link: Link): string[] {
  const cells = [namesOf(link.from, 3), namesOf(link.to, 3), portsInWords(link), meshInWords(link)]
  const mark = link.verdict === 'broken' ? '✖ ' : ''
  return [...cells.map((cell) => shortText(cell, widest)), `${mark}${verdictInWords(link)}`]
}

function causesOf(link: Link, { placeOf }: ReachReport): string[] {
  const lines = link.causes.slice(0, mostCauses).map((cause) => {
    const { file, line, column } = placeOf(cause.policy, cause.path)
    return `    ${file}:${line}:${column}  ${cause.rule === undefined ? '' : `${cause.rule}  `}${causeInWords(cause, link)}`
  })
  const more = link.causes.length - lines.length
  return [...lines, ...(more > 0 ? [`    and ${more} more`] : [])].map(plainText)
}
