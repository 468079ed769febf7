import type { Container } from '../../k8s/spec-shapes.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** What each of the proxy's ports is for. */
const uses: Readonly<Record<keyof ProxyConfig['ports'], string>> = {
  inbound: 'traffic to the Pod',
  outbound: 'traffic from the Pod',
  admin: 'health and metrics',
  control: 'tap',
}

/** For what the proxy in the same Pod listens on this port, or undefined when it does not: TCP only. */
export function portTakenByProxy(
  port: NonNullable<Container['ports']>[number],
  { ports }: ProxyConfig,
): string | undefined {
  if ((port?.protocol ?? 'TCP') !== 'TCP') return undefined
  const names = ['inbound', 'outbound', 'admin', 'control'] as const
  const name = names.find((one) => ports[one] === port?.containerPort)
  return name && uses[name]
}
