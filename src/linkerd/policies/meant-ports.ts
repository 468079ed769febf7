import { isUnresolved, type Path } from '../../k8s/json.ts'
import type { Rule } from '../../policy/policy.ts'
import { formatPorts, type PortSet, portsOf, portUnion } from '../../policy/port-set.ts'
import { proxyPortNames } from '../facts.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import { redirectsEveryPort } from '../settings.ts'
import { redirectedPorts, type WireView } from './wire-port.ts'

/** The application's ports that a rule grants and the mesh redirects, and the first entry that does. */
export function meantPorts(
  rule: Rule,
  client: PodFacts,
  server: PodFacts,
  view: WireView,
): { readonly ports: string; readonly numbers: PortSet; readonly path: Path } | undefined {
  const words: string[] = []
  const numbers: PortSet[] = []
  let path: Path | undefined
  for (const entry of rule.entries) {
    const redirected = redirectedPorts(entry.ports.numbers, client, server, view)
    const names = entry.ports.names.filter((name) => isApplicationName(name, client, server, view))
    if (redirected.length === 0 && names.length === 0) continue
    path ??= entry.path
    words.push(...(redirected.length > 0 ? [formatPorts(redirected)] : []), ...names)
    numbers.push(redirected)
  }
  return path && { ports: [...new Set(words)].join(', '), numbers: portUnion(...numbers), path }
}

/** A port name grants what the server declares under it. Of a server nobody has seen, an application's port. */
function isApplicationName(name: string, client: PodFacts, server: PodFacts, view: WireView): boolean {
  if (name === proxyPortNames.inbound || name === proxyPortNames.admin || isUnresolved(name)) return false
  if (server.name === undefined) return redirectsEveryPort(view.settings)
  return redirectedPorts(portsOf(server.named.get(name) ?? []), client, server, view).length > 0
}
