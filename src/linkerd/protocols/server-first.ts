/** How a port on which the server speaks first is reached and handled at the Pod. */
export interface Situation {
  /** The server's Pod has a proxy. */
  readonly serverMeshed: boolean
  /** Clients reach it by the Pod's own address (headless Service, StatefulSet), by Services only, or nobody knows how. */
  readonly reachedBy: 'address' | 'service' | 'unknown'
  /** Meshed clients that dial the Pod know that the port is opaque. */
  readonly dialled: boolean
  /** The server's proxy forwards the port without detection, or skips it. */
  readonly inbound: boolean
  /** `transparent` mode, or a release before 2.18: the server's proxy detects in meshed connections, too. */
  readonly transparent: boolean
}

/** What becomes of connections, as far as the Pod has a say. */
export type Outcome =
  | 'fine'
  /** Meshed clients that dial the Pod wait for 10 s. */
  | 'dialling-clients-wait'
  /** All meshed clients wait for 10 s, at the server's proxy. */
  | 'all-clients-wait'
  /** Clients outside the mesh lose their connection after 10 s without a byte. */
  | 'unmeshed-clients-dropped'

/**
 * The Pod's part in a server-first port (paths P2 and P3). The Service's part (P1) is independent of it: meshed clients of a
 * ClusterIP wait exactly where the Service does not make the port opaque, whatever the Pod says.
 *
 *   | server   | reached by       | dialled | inbound | transparent | outcome                  | severity |
 *   |----------|------------------|---------|---------|-------------|--------------------------|----------|
 *   | meshed   | address          | no      | any     | any         | dialling-clients-wait    | error    |
 *   | meshed   | service          | no      | no      | yes         | all-clients-wait         | error    |
 *   | meshed   | unknown          | no      | no      | yes         | all-clients-wait         | error    |
 *   | meshed   | unknown          | no      | no      | no          | dialling-clients-wait    | warning  |
 *   | meshed   | service          | no      | no      | no          | unmeshed-clients-dropped | warning  |
 *   | meshed   | any              | yes     | no      | any         | unmeshed-clients-dropped | warning  |
 *   | meshed   | service, unknown | no      | yes     | any         | fine                     |          |
 *   | meshed   | any              | yes     | yes     | any         | fine                     |          |
 *   | unmeshed | address          | no      | any     | any         | dialling-clients-wait    | error    |
 *   | unmeshed | address          | yes     | any     | any         | fine                     |          |
 *   | unmeshed | service, unknown | any     | any     | any         | fine                     |          |
 *
 * A port that is opaque for those who dial it is reached through the server's proxy port in either mode, and is not
 * detected there. The severity is that of sure knowledge; {@link isSure} says where the outcome itself is a guess.
 */
export function outcomeOf({ serverMeshed, reachedBy, dialled, inbound, transparent }: Situation): Outcome {
  if (reachedBy === 'address' && !dialled) return 'dialling-clients-wait'
  if (!serverMeshed || inbound) return 'fine'
  if (dialled) return 'unmeshed-clients-dropped'
  if (transparent) return 'all-clients-wait'
  return reachedBy === 'unknown' ? 'dialling-clients-wait' : 'unmeshed-clients-dropped'
}

/** Are there surely clients whom the outcome hits? Clients outside the mesh may not exist, nor some that dial the Pod. */
export function isSure(outcome: Outcome, { reachedBy }: Situation): boolean {
  return outcome === 'all-clients-wait' || (outcome === 'dialling-clients-wait' && reachedBy === 'address')
}
