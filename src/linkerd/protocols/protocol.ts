/**
 * How a protocol begins on a plain connection, and so whether detection, which waits for the client's first bytes, does harm:
 *
 *   | class          | who writes first                                     | opaque       |
 *   |----------------|------------------------------------------------------|--------------|
 *   | `server-first` | the server; the client waits for it                  | needed       |
 *   | `both-first`   | both at once; some clients wait                      | recommended  |
 *   | `long-lived`   | the client, or one side at once; pools and idle      | advisable    |
 *   |                | channels stay silent, and detection gains nothing    |              |
 *   | `client-first` | the client, at once                                  | not needed   |
 *   | `implicit-tls` | the client, with TLS' ClientHello                    | not needed   |
 */
export type ProtocolClass = (typeof protocolClasses)[number]

/** Every {@link ProtocolClass}, the most delicate first. */
export const protocolClasses = ['server-first', 'both-first', 'long-lived', 'client-first', 'implicit-tls'] as const

/** A protocol, or software that speaks it, and the signs by which it is known. */
export interface Protocol {
  readonly id: string
  /** As messages name it. */
  readonly name: string
  readonly class: ProtocolClass
  /** How sure its class is, where not very: it depends on the software or its configuration. */
  readonly evidence?: 'medium' | 'low'
  /** Ports on which this software does so. Its other ports (metrics, HTTP) are not here. */
  readonly ports: readonly number[]
  /** Of those, the ones that hardly anybody else uses: worth a warning by number alone. */
  readonly numberAlone?: readonly number[]
  /** The end of image names, without tag: of the last part, or of two where it holds a `/`. `*` stands for any text. */
  readonly images: readonly string[]
  /** Names of the port that say it, whatever the number. */
  readonly portNames: readonly string[]
  /** Names that other software uses, too: a sign only together with one of the ports, or with the image. */
  readonly vagueNames?: readonly string[]
  /** Names of environment variables; `*` as above. */
  readonly env?: readonly string[]
  /** Arguments of the container; `*` as above. */
  readonly args?: readonly string[]
  /** Values of the label `app.kubernetes.io/name`. */
  readonly apps?: readonly string[]
  /** Even with TLS the server greets first, so that a port called TLS is no exception. */
  readonly greetsBeforeTls?: true
  /** Where it is said, or plain to see, who speaks first. */
  readonly source: string
}
