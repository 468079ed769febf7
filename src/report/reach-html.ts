import type { RuleDocumentation } from '../core/rule.ts'
import type { Link } from '../linkerd/reach/reachability.ts'
import { type Html, html } from './html.ts'
import {
  causeInWords,
  meshInWords,
  namesOf,
  portsInWords,
  type ReachPlace,
  type ReachReport,
  remarksOn,
  summaryOf,
  verdictInWords,
} from './reach.ts'
import { reachStyle } from './reach-style.ts'
import { drawLinks } from './reach-svg.ts'
import { plural } from './report.ts'

/** More lines cannot be told apart. */
const mostDrawn = 60
const mostCards = 200
const mostRows = 1000

export interface ReachPage {
  readonly rules: readonly Pick<RuleDocumentation, 'id' | 'summary' | 'remediation'>[]
  /** From the page to a file of manifests; undefined where there is no such file (standard input). */
  readonly linkTo: (file: string) => string | undefined
}

/**
 * One page that needs nothing else: the picture, what breaks each broken link, and every link as a table. Nothing is loaded
 * and nothing runs.
 */
export function formatReachHtml(report: ReachReport, page: ReachPage): string {
  const { links, reach, failures } = report
  const broken = links.filter(({ verdict }) => verdict === 'broken')
  const drawn = links.slice(0, mostDrawn)
  const remarks = [
    ...failures.map(({ file, line, text }) => `${file}:${line}: ${text}`),
    ...leftOut(links.length - drawn.length, 'links are not drawn; the table has them'),
    ...leftOut(broken.length - mostCards, 'broken links are not told of one by one'),
    ...leftOut(links.length - mostRows, 'links are not in the table; --format json has them all'),
    ...remarksOn(report),
  ]
  const count = reach.pairs.broken
  const verdict =
    count > 0
      ? html`<p class="verdict broken">✖ ${plural(count, 'pair')} allowed by policy, and broken in the mesh</p>`
      : html`<p class="verdict open">✔ No pair is allowed by policy and broken in the mesh</p>`
  const picture =
    drawn.length > 0
      ? html`<div class="frame">${drawLinks(drawn)}</div>${legend}`
      : html`<p>There is nothing to draw: no policy speaks of a pair of these workloads.</p>`
  return `<!doctype html>
${
  html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Who may reach whom</title><style>${{ markup: reachStyle }}</style></head><body>
<h1>Who may reach whom</h1>
${verdict}<p class="summary">${summaryOf(report)}</p>
${picture}
${section(
  'What breaks',
  broken.slice(0, mostCards).map((link, i) => card(link, i + 1, report, page)),
)}
${section('What to do', rulesOf(broken, page))}
${section('All links', links.length > 0 ? [tableOf(links.slice(0, mostRows))] : [])}
${section('Not in the picture', remarks.length > 0 ? [html`<ul class="remarks">${remarks.map((one) => html`<li>${one}</li>`)}</ul>`] : [])}
</body></html>`.markup
}
`
}

const sample = (kind: string, label: string) =>
  html`<li><svg viewBox="0 0 34 12" aria-hidden="true"><g class="wire ${kind}"><path d="M0 6H26"/><path class="head" d="M25 1L34 6L25 11Z"/></g></svg>${label}</li>`

const legend = html`<ul class="legend">${[
  sample('broken', 'the port is allowed, the mesh’s own is not'),
  sample('open', 'works'),
  sample('mesh-only', 'only the mesh’s port is allowed'),
  sample('unserved', 'allowed on ports that nobody serves'),
]}</ul>`

function leftOut(count: number, words: string): string[] {
  return count > 0 ? [`${count} ${words}`] : []
}

function section(title: string, content: readonly Html[]): Html {
  return content.length > 0 ? html`<h2>${title}</h2>${content}` : html``
}

function card(link: Link, number: number, { placeOf }: ReachReport, page: ReachPage): Html {
  const causes = link.causes.map((cause) => {
    const place = placeOf(cause.policy, cause.path)
    const rule = cause.rule ? html` · ${ruleLink(cause.rule, page)}` : html``
    return html`<li>${placeLink(place, page)} — ${causeInWords(cause, link)}${rule}</li>`
  })
  const doubt = link.certain ? '' : ' What is not known here may make it work.'
  return html`<div class="card" id="broken-${number}"><h3>${namesOf(link.from, 20)} → ${namesOf(link.to, 20)}</h3>
<p>May connect on ${portsInWords(link)}, but the mesh connects on ${link.wirePort ?? ''}, which is closed.${doubt}</p><ul>${causes}</ul></div>`
}

function placeLink({ file, line }: ReachPlace, { linkTo }: ReachPage): Html {
  const target = linkTo(file)
  const text = html`<span class="place">${file}:${line}</span>`
  return target === undefined ? text : html`<a href="${target}#L${line}">${text}</a>`
}

function ruleLink(id: string, { rules }: ReachPage): Html {
  return rules.some((rule) => rule.id === id)
    ? html`<a href="#rule-${id}"><code>${id}</code></a>`
    : html`<code>${id}</code>`
}

function rulesOf(broken: readonly Link[], { rules }: ReachPage): Html[] {
  const ids = new Set<string | undefined>(broken.flatMap(({ causes }) => causes.map(({ rule }) => rule)))
  return rules
    .filter(({ id }) => ids.has(id))
    .map(
      ({ id, summary, remediation }) =>
        html`<div id="rule-${id}"><p><code>${id}</code>: ${summary}</p><p>${remediation}</p></div>`,
    )
}

function tableOf(links: readonly Link[]): Html {
  const rows = links.map(
    (link) =>
      html`<tr><td>${namesOf(link.from, 10)}</td><td>${namesOf(link.to, 10)}</td><td>${portsInWords(link)}</td><td>${meshInWords(link)}</td><td class="${link.verdict}">${link.verdict === 'broken' ? '✖ ' : ''}${verdictInWords(link)}</td></tr>`,
  )
  return html`<div class="scroll"><table><thead><tr><th>From</th><th>To</th><th>Ports</th><th>Mesh port</th><th>Verdict</th></tr></thead><tbody>${rows}</tbody></table></div>`
}
