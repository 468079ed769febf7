import type { PodKind } from '../../k8s/pod-template.ts'
import { podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { portsByGo, portsByRust } from '../port-list.ts'
import { servicePortsNamed } from './opaque-ports.ts'
import { targetOf } from './service-targets.ts'

/**
 * What becomes of one token of an opaque-ports list. Destination skips a token that it cannot read; the policy controller
 * drops the whole list for one; `linkerd check --proxy` (pkg/healthcheck, strconv.Atoi on each token) reports an error.
 *
 *   | token                | destination         | policy controller | linkerd check | kind           |
 *   |----------------------|---------------------|-------------------|---------------|----------------|
 *   | `9000` `+9000` `090` | reads it            | reads it          | reads it      | `plain`        |
 *   | `9000-9010`, ` 9000` | reads it            | reads it          | fails         | `loose`        |
 *   | nothing, at the end  | no token            | skips it          | fails         | `loose`        |
 *   | nothing, elsewhere   | an unnamed port     | skips it          | fails         | `empty`        |
 *   | `9000 - 9010`        | skips it            | reads it          | fails         | `spaced-range` |
 *   | a port's name        | reads it            | drops all         | fails         | `name`         |
 *   | `0`, `0-65535`       | reads it            | drops all         | reads `0`     | `zero`         |
 *   | anything else        | skips it            | drops all         | fails         | `nonsense`     |
 */
export type TokenKind = 'plain' | 'loose' | 'empty' | 'spaced-range' | 'name' | 'zero' | 'nonsense'

export interface ListToken {
  /** As it stands between commas. */
  readonly text: string
  readonly kind: TokenKind
}

/**
 * The tokens of an opaque-ports list and what becomes of each. The empty value has none: it means that no port is opaque.
 *
 * @param named resolves a port name, as for {@link portsByGo}; the empty name is the unnamed port of a Service
 */
export function tokensOf(value: string, named: (name: string) => readonly number[] = () => []): ListToken[] {
  if (value === '') return []
  const texts = value.split(',')
  return texts.map((text, i) => ({ text, kind: kindOf(text, i === texts.length - 1, named) }))
}

function kindOf(text: string, last: boolean, named: (name: string) => readonly number[]): TokenKind {
  const name = text.trim()
  if (name === '') return named('').length > 0 && !(last && text === '') ? 'empty' : 'loose'
  if (named(name).length > 0) return 'name'
  const byGo = portsByGo(name).length > 0
  const byRust = portsByRust(name).length > 0
  if (byGo && byRust) return text === name && !name.includes('-') ? 'plain' : 'loose'
  if (byRust) return 'spaced-range'
  return byGo ? 'zero' : 'nonsense'
}

/** Does the policy controller drop the whole list for this token? */
export function dropsList({ kind }: ListToken): boolean {
  return kind === 'name' || kind === 'zero' || kind === 'nonsense'
}

/**
 * The ports of a Service that a name in its list must mean: the Service's port of that name, else the ports that lead to a
 * target of that name, as the Service or a container calls it.
 */
export function portsMeantBy(
  name: string,
  service: Resource<'Service'>,
  pods: readonly Resource<PodKind>[],
): readonly number[] {
  if (name === '') return []
  const own = servicePortsNamed(service, name)
  if (own.length > 0) return own
  return (service.spec.ports ?? []).flatMap((port) => {
    if (typeof port?.port !== 'number') return []
    const called = port.targetPort === name || pods.some((pod) => targetOf(port, podTemplateOf(pod))?.name === name)
    return called ? [port.port] : []
  })
}
