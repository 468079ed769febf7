import { shortText } from '../core/plain-text.ts'
import type { Workload } from '../linkerd/reach/reach-workloads.ts'
import type { Link } from '../linkerd/reach/reachability.ts'
import { type Html, html } from './html.ts'
import { meshInWords, namesOf, portsInWords, verdictInWords } from './reach.ts'

const width = 980
const box = { width: 286, height: 48, gap: 14 }
const edge = { left: 24 + box.width, right: width - 24 - box.width }
const heading = 34

interface Node {
  readonly workloads: readonly Workload[]
  readonly y: number
}

interface Column {
  readonly nodes: ReadonlyMap<string, Node>
  readonly headings: readonly { readonly namespace: string; readonly y: number }[]
  readonly height: number
}

/** Clients on the left, servers on the right, between them who may reach whom; the broken ones lie on top. */
export function drawLinks(links: readonly Link[]): Html {
  const ordered = columnOf(
    links.map(({ from }) => from),
    () => 0,
  )
  const servers = columnOf(
    links.map(({ to }) => to),
    meanPlace(links, ordered),
  )
  const space = Math.max(0, (servers.height - ordered.height) / 2)
  const clients = space > 0 ? lowered(ordered, space) : ordered
  const height = Math.max(clients.height, servers.height) + 8
  const places: Place[] = []
  const wires = wiresOf(links, clients, servers)
  // Where there is not room for every label, the worst get theirs.
  const labels = wires.map((wire) => labelOf(wire, places))
  const painted = wires.map(drawWire).toReversed()
  return html`<svg class="picture" viewBox="0 0 ${width} ${height}" role="img" aria-label="Who may reach whom">
<text class="side" x="24" y="14">Clients</text><text class="side" x="${edge.right}" y="14">Servers</text>
${painted}${drawColumn(clients, 24)}${drawColumn(servers, edge.right)}${labels.toReversed()}</svg>`
}

/** Servers stand beside their clients, so that fewer lines cross. */
function meanPlace(links: readonly Link[], clients: Column): (group: readonly Workload[]) => number {
  const places = Map.groupBy(links, ({ to }) => keyOf(to))
  return (group) => {
    const found = (places.get(keyOf(group)) ?? []).map(({ from }) => clients.nodes.get(keyOf(from))?.y ?? 0)
    return found.reduce((sum, y) => sum + y, 0) / Math.max(1, found.length)
  }
}

function lowered({ nodes, headings, height }: Column, by: number): Column {
  return {
    nodes: new Map([...nodes].map(([key, node]) => [key, { ...node, y: node.y + by }])),
    headings: headings.map((one) => ({ ...one, y: one.y + by })),
    height: height + by,
  }
}

/** Nothing else has the same first workload, of which there may be one for each state of being meshed. */
function keyOf([first]: readonly Workload[]): string {
  return `${first?.pod.meshed} ${first?.name}`
}

function columnOf(groups: readonly (readonly Workload[])[], placeOf: (group: readonly Workload[]) => number): Column {
  const unique = [...new Map(groups.map((group) => [keyOf(group), group])).values()]
  const placed = unique.map((workloads) => ({ workloads, place: placeOf(workloads) })).sort((a, b) => a.place - b.place)
  const byNamespace = Map.groupBy(placed, ({ workloads }) => workloads[0]?.namespace ?? '')
  const ordered = [...byNamespace].sort(([a, ones], [b, others]) => meanOf(ones) - meanOf(others) || (a < b ? -1 : 1))
  const nodes = new Map<string, Node>()
  const headings: { namespace: string; y: number }[] = []
  let y = 22
  for (const [namespace, members] of ordered) {
    headings.push({ namespace, y: y + 20 })
    y += heading
    for (const { workloads } of members) {
      nodes.set(keyOf(workloads), { workloads, y })
      y += box.height + box.gap
    }
  }
  return { nodes, headings, height: y }
}

function meanOf(members: readonly { readonly place: number }[]): number {
  return members.reduce((sum, { place }) => sum + place, 0) / members.length
}

function drawColumn({ nodes, headings }: Column, x: number): Html {
  const drawn = [...nodes.values()].map(({ workloads, y }) => {
    const [first] = workloads
    const name = first?.name ?? ''
    const kind = name.slice(0, name.indexOf(' '))
    const own = name.slice(kind.length + 2 + (first?.namespace ?? '').length)
    const more = workloads.length - 1
    const title = `${shortText(own, more > 0 ? 17 : 26)}${more > 0 ? ` + ${more} more` : ''}`
    const meshed = first?.pod.meshed ?? 'unknown'
    return html`<g class="node ${meshed}"><title>${namesOf(workloads, 40)}</title>
<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="10"/>
<circle cx="${x + 20}" cy="${y + 24}" r="5.5"/>
<text class="name" x="${x + 38}" y="${y + 21}">${title}</text>
<text class="kind" x="${x + 38}" y="${y + 38}">${kind} · ${meshWords[meshed]}</text></g>`
  })
  const titles = headings.map(
    (one) => html`<text class="namespace" x="${x}" y="${one.y}">${shortText(one.namespace, 36)}</text>`,
  )
  return html`${titles}${drawn}`
}

const meshWords = { yes: 'meshed', no: 'not meshed', unknown: 'maybe meshed' } as const

interface Wire {
  readonly link: Link
  readonly index: number
  readonly from: number
  readonly to: number
}

/** Ends of links at one box lie side by side, in the order of their other ends. */
function wiresOf(links: readonly Link[], clients: Column, servers: Column): Wire[] {
  const wires = links.flatMap((link, index) => {
    const [from, to] = [clients.nodes.get(keyOf(link.from)), servers.nodes.get(keyOf(link.to))]
    return from && to ? [{ link, index, ends: { from, to } }] : []
  })
  const [starts, ends] = [slots(wires, 'from', 'to'), slots(wires, 'to', 'from')]
  return wires.map(({ link, index }) => ({ link, index, from: starts.get(index) ?? 0, to: ends.get(index) ?? 0 }))
}

type Side = 'from' | 'to'

/** Where each link meets the box at one of its sides. */
function slots(
  wires: readonly { readonly index: number; readonly ends: Readonly<Record<Side, Node>> }[],
  side: Side,
  other: Side,
): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const [node, members] of Map.groupBy(wires, ({ ends }) => ends[side])) {
    const step = Math.min(10, (box.height - 12) / members.length)
    for (const [i, { index }] of members.toSorted((a, b) => a.ends[other].y - b.ends[other].y).entries())
      found.set(index, round(node.y + box.height / 2 + (i - (members.length - 1) / 2) * step))
  }
  return found
}

const bend = 150

function drawWire({ link, index, from, to }: Wire): Html {
  const [start, end] = [edge.left, edge.right]
  const title = `${namesOf(link.from, 10)} → ${namesOf(link.to, 10)}: ${verdictInWords(link)}; ports ${portsInWords(link)}; mesh port ${meshInWords(link)}`
  const path = `M${start} ${from}C${start + bend} ${from} ${end - bend} ${to} ${end - 8} ${to}`
  const line = html`<g class="wire ${link.verdict}"><title>${title}</title><path d="${path}"/>
<path class="head" d="M${end - 9} ${to - 5}L${end} ${to}L${end - 9} ${to + 5}Z"/></g>`
  return link.verdict === 'broken' ? html`<a href="#broken-${index + 1}">${line}</a>` : line
}

interface Place {
  readonly x: number
  readonly y: number
  readonly width: number
}

const spots = [0.5, 0.4, 0.6, 0.32, 0.68, 0.46, 0.54]

/** The label lies on its line, where no other label is yet. */
function labelOf({ link, index, from, to }: Wire, taken: Place[]): Html {
  const ports = shortText(portsInWords(link), 22)
  const text = {
    broken: `✖ ${ports}, not ${link.wirePort}`,
    'mesh-only': `${link.wirePort} only`,
    open: ports,
    unserved: `${ports} not served`,
    closed: 'closed',
  }[link.verdict]
  const labelWidth = Math.ceil(text.length * 7.3) + 22
  for (const t of spots) {
    const [a, b, c, d] = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3]
    const x = a * edge.left + b * (edge.left + bend) + c * (edge.right - bend) + d * edge.right
    const y = (a + b) * from + (c + d) * to
    const hits = taken.some((one) => Math.abs(one.y - y) < 26 && Math.abs(one.x - x) < (one.width + labelWidth) / 2 + 4)
    if (hits) continue
    taken.push({ x, y, width: labelWidth })
    const pill = html`<g class="label ${link.verdict}"><rect x="${round(x - labelWidth / 2)}" y="${round(y - 12)}" width="${labelWidth}" height="24" rx="12"/><text x="${round(x)}" y="${round(y + 4.5)}">${text}</text></g>`
    return link.verdict === 'broken' ? html`<a href="#broken-${index + 1}">${pill}</a>` : pill
  }
  return html``
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
