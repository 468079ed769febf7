import { catalogue } from '../linkerd/protocols/catalogue.ts'
import { type Protocol, type ProtocolClass, protocolClasses } from '../linkerd/protocols/protocol.ts'
import type { ListSchema, Schema } from './json-schema.ts'
import type { ConfigError } from './validate.ts'

/** An entry of `protocols`: a {@link Protocol} of which most may be left out. */
export type ProtocolEntry = Pick<Protocol, 'id'> & { readonly class: ProtocolClass } & {
  readonly [K in Exclude<keyof Protocol, 'id' | 'class' | 'greetsBeforeTls'>]?: Protocol[K]
} & { readonly greetsBeforeTls?: boolean }

const port: Schema = { description: 'A port.', type: 'integer', minimum: 1, maximum: 65535 }

const texts = (description: string, example: string): ListSchema => ({
  description,
  type: 'array',
  items: { description: 'A text.', type: 'string', pattern: '\\S', examples: [example] },
})

/** The schema of `protocols`. */
export const protocolsSchema: ListSchema = {
  description: 'Software of your own that the catalogue (`meshgate protocols`) should know. It counts before the rest.',
  type: 'array',
  default: [],
  items: {
    description: 'A protocol, and the signs by which it is known.',
    type: 'object',
    additionalProperties: false,
    required: ['id', 'class'],
    properties: {
      id: {
        description: 'A word of its own for it.',
        type: 'string',
        pattern: '^[a-z][a-z0-9-]*$',
        examples: ['acme-bus'],
      },
      name: {
        description: 'As findings name it; otherwise the `id`.',
        type: 'string',
        pattern: '\\S',
        examples: ['Acme bus'],
      },
      class: {
        description: 'Who writes first. A port must be opaque where it is the server.',
        type: 'string',
        enum: protocolClasses,
      },
      evidence: {
        description: 'Where you are not sure: `medium` makes findings warnings, `low` information.',
        type: 'string',
        enum: ['medium', 'low'],
      },
      ports: { description: 'Ports on which it does so.', type: 'array', items: port },
      numberAlone: {
        description: 'Of those, the ones that nothing else uses here: the number is enough for a warning.',
        type: 'array',
        items: port,
      },
      images: texts('How image names end, without registry and tag; `*` is any text.', 'acme-bus*'),
      portNames: texts('Names of the port that say it, whatever the number.', 'bus'),
      vagueNames: texts('Names that other software uses, too: they count only on one of the `ports`.', 'client'),
      env: texts('Names of environment variables; `*` is any text.', 'ACME_BUS_*'),
      args: texts('Arguments of the container; `*` is any text.', '--bus-port*'),
      apps: texts('Values of the label `app.kubernetes.io/name`.', 'acme-bus'),
      greetsBeforeTls: {
        description: 'The server greets before TLS, too, so that a port called TLS is no exception.',
        type: 'boolean',
        default: false,
      },
      source: {
        description: 'Where it is said who writes first.',
        type: 'string',
        pattern: '\\S',
        examples: ['https://wiki.example/acme-bus'],
      },
    },
  },
}

/** An entry in full. */
export function protocolFrom({ greetsBeforeTls, ...entry }: ProtocolEntry): Protocol {
  const full = { name: entry.id, ports: [], images: [], portNames: [], source: 'configuration', ...entry }
  return greetsBeforeTls ? { ...full, greetsBeforeTls } : full
}

/** Entries that follow the schema and still make no sense: a second one of its id, a number that is not its own, no signs. */
export function wrongProtocols(entries: readonly ProtocolEntry[]): ConfigError[] {
  const known = new Set(catalogue.map(({ id }) => id))
  return entries.flatMap((entry, i) => {
    const errors: ConfigError[] = []
    if (known.has(entry.id))
      errors.push({ path: ['protocols', i, 'id'], text: `there is a protocol ${entry.id} already` })
    known.add(entry.id)
    for (const [j, number] of (entry.numberAlone ?? []).entries())
      if (!entry.ports?.includes(number))
        errors.push({ path: ['protocols', i, 'numberAlone', j], text: `${number} is not among its ports` })
    if (!isRecognisable(entry))
      errors.push({
        path: ['protocols', i],
        text: 'nothing would be recognised: give images with ports or portNames, or numberAlone, or two other signs',
      })
    return errors
  })
}

/** Can there be a port that satisfies the table of `identifyProtocol`? */
function isRecognisable(entry: ProtocolEntry): boolean {
  const has = (...keys: readonly (keyof ProtocolEntry)[]) =>
    keys.some((key) => (entry[key] as readonly unknown[] | undefined)?.length)
  const others = has('env', 'args', 'apps')
  if (has('images') && has('ports', 'portNames', 'vagueNames')) return true
  if (has('ports') && (has('portNames', 'vagueNames', 'numberAlone') || others)) return true
  return has('portNames') && others
}
