import { defaultOpaquePorts } from '../linkerd/facts.ts'
import { portsByGo } from '../linkerd/port-list.ts'
import { type Protocol, type ProtocolClass, protocolClasses } from '../linkerd/protocols/protocol.ts'
import { formatPorts, hasPort, portSet } from '../policy/port-set.ts'

/** What a class means for a port of it. */
export const classTexts: Readonly<Record<ProtocolClass, { readonly title: string; readonly text: string }>> = {
  'server-first': {
    title: 'The server speaks first: must be opaque',
    text: 'The client waits for the server, and detection for the client: ten seconds for each connection, or its end.',
  },
  'both-first': {
    title: 'Both speak first: opaque is recommended',
    text: 'Most clients write at once, and nobody waits. Some wait for the server, and then it is as above.',
  },
  'long-lived': {
    title: 'Long-lived or idle: opaque is advisable',
    text: 'The client, or one side, writes at once. Pools and idle channels stay silent, and detection has nothing to gain.',
  },
  'client-first': {
    title: 'The client speaks first: leave them alone',
    text: 'Detection ends with the first bytes. A connection that stays silent for ten seconds is closed where the client is outside the mesh.',
  },
  'implicit-tls': {
    title: 'TLS at once: leave them alone',
    text: 'The client begins with its ClientHello, whatever is inside.',
  },
}

/** The ports of a protocol, `5900-5999` in short; steps of equal width stay apart, at most a few are shown. */
export function portsInWords(ports: readonly number[]): string {
  const intervals = portSet(ports.map((port) => [port, port]))
  const shown = formatPorts(intervals.slice(0, mostIntervals))
  return intervals.length > mostIntervals ? `${shown}, …` : shown
}

const mostIntervals = 6

/** `docs/protocols.md`: the catalogue by class, with its evidence. */
export function protocolsMarkdown(catalogue: readonly Protocol[]): string {
  const sections = protocolClasses.map((one) => {
    const { title, text } = classTexts[one]
    const rows = catalogue.filter((protocol) => protocol.class === one).map(row)
    return `## ${title}

${text}

| id | protocol | ports | opaque by default | by its number alone | images | sure | evidence |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`
  })
  return `# Protocols

What meshgate knows of protocols, and how they begin; \`meshgate protocols\` prints the same. A port counts as one of these when the image of its very container says so (on one of the ports, or under one of
the names, that belong to it), or two weaker signs together: its number, its name, an environment variable, an argument, a label. A number that hardly anything else uses is enough for a
warning. Names that say HTTP, metrics or TLS rule it out. Software of your own goes into \`protocols\` of the [configuration](configuration.md).

${sections.join('\n')}`
}

const byDefault = portsByGo(defaultOpaquePorts)

function row({ id, name, ports, numberAlone = [], images, evidence, source }: Protocol): string {
  const opaque = ports.filter((port) => hasPort(byDefault, port))
  const cells = [
    `\`${id}\``,
    name,
    portsInWords(ports),
    portsInWords(opaque),
    portsInWords(numberAlone),
    images.map((image) => `\`${image}\``).join(', '),
    evidence ?? 'high',
    source,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
