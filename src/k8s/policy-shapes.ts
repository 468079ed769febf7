import { labelSelector } from './label-selector.ts'
import { anything, bool, int, intOrText, list, number, struct, text } from './shape.ts'

/*
 * Wire shapes of the specs of network policies, dialect by dialect. Where an API refuses a value that people write all the
 * same (a Cilium port as a number), the shape takes it, and the translation says what becomes of it.
 * Sources: k8s.io/api networking/v1; sigs.k8s.io/network-policy-api apis/v1alpha1, v1alpha2; cilium pkg/policy/api;
 * projectcalico/api pkg/apis/projectcalico/v3.
 */

export const networkPolicyPeer = struct({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: struct({ cidr: text, except: list(text) }),
})

export const networkPolicyPort = struct({ protocol: text, port: intOrText, endPort: int })

export const networkPolicy = struct({
  podSelector: labelSelector,
  policyTypes: list(text),
  ingress: list(struct({ from: list(networkPolicyPeer), ports: list(networkPolicyPort) })),
  egress: list(struct({ to: list(networkPolicyPeer), ports: list(networkPolicyPort) })),
})

const podsOfNamespaces = struct({ namespaceSelector: labelSelector, podSelector: labelSelector })

export const adminSubject = struct({ namespaces: labelSelector, pods: podsOfNamespaces })

/** Both versions of the network policy API, both directions. */
export const adminPeer = struct({
  namespaces: labelSelector,
  pods: podsOfNamespaces,
  nodes: labelSelector,
  networks: list(text),
  domainNames: list(text),
})

export const adminPort = struct({
  portNumber: struct({ protocol: text, port: int }),
  namedPort: text,
  portRange: struct({ protocol: text, start: int, end: int }),
})

const adminRule = { name: text, action: text, ports: list(adminPort) }

const adminRules = {
  subject: adminSubject,
  ingress: list(struct({ ...adminRule, from: list(adminPeer) })),
  egress: list(struct({ ...adminRule, to: list(adminPeer) })),
}

export const baselineAdminNetworkPolicy = struct(adminRules)
export const adminNetworkPolicy = struct({ ...adminRules, priority: int })

const destinationPort = struct({ destinationPort: struct({ number: int, range: struct({ start: int, end: int }) }) })

export const clusterProtocol = struct({
  tcp: destinationPort,
  udp: destinationPort,
  sctp: destinationPort,
  destinationNamedPort: text,
})

const clusterRule = { name: text, action: text, protocols: list(clusterProtocol) }

export const clusterNetworkPolicy = struct({
  tier: text,
  priority: int,
  subject: adminSubject,
  ingress: list(struct({ ...clusterRule, from: list(adminPeer) })),
  egress: list(struct({ ...clusterRule, to: list(adminPeer) })),
})

const ciliumPort = struct({ port: intOrText, endPort: int, protocol: text })

export const ciliumPortRule = struct({
  ports: list(ciliumPort),
  rules: anything,
  terminatingTLS: anything,
  originatingTLS: anything,
  serverNames: list(text),
  listener: anything,
})

const ciliumCidrSet = struct({ cidr: text, except: list(text), cidrGroupRef: text, cidrGroupSelector: anything })

/** A rule of either direction: the members of the other one are not there. */
export const ciliumRule = struct({
  fromEndpoints: list(labelSelector),
  fromEntities: list(text),
  fromCIDR: list(text),
  fromCIDRSet: list(ciliumCidrSet),
  fromNodes: list(anything),
  fromGroups: list(anything),
  fromRequires: list(anything),
  toEndpoints: list(labelSelector),
  toEntities: list(text),
  toCIDR: list(text),
  toCIDRSet: list(ciliumCidrSet),
  toNodes: list(anything),
  toGroups: list(anything),
  toRequires: list(anything),
  toServices: list(anything),
  toFQDNs: list(anything),
  toPorts: list(ciliumPortRule),
  icmps: list(anything),
})

/** One of `spec` and `specs` of both Cilium kinds. */
export const ciliumSpec = struct({
  endpointSelector: labelSelector,
  nodeSelector: labelSelector,
  ingress: list(ciliumRule),
  ingressDeny: list(ciliumRule),
  egress: list(ciliumRule),
  egressDeny: list(ciliumRule),
  enableDefaultDeny: struct({ ingress: bool, egress: bool }),
})

export const calicoEntity = struct({
  nets: list(text),
  notNets: list(text),
  selector: text,
  notSelector: text,
  namespaceSelector: text,
  ports: list(intOrText),
  notPorts: list(intOrText),
  serviceAccounts: anything,
  services: anything,
})

export const calicoRule = struct({
  action: text,
  protocol: intOrText,
  notProtocol: intOrText,
  source: calicoEntity,
  destination: calicoEntity,
  http: anything,
})

const calicoPolicy = {
  tier: text,
  order: number,
  selector: text,
  types: list(text),
  ingress: list(calicoRule),
  egress: list(calicoRule),
  serviceAccountSelector: text,
}

export const calicoNetworkPolicy = struct(calicoPolicy)
export const calicoGlobalNetworkPolicy = struct({
  ...calicoPolicy,
  namespaceSelector: text,
  doNotTrack: bool,
  preDNAT: bool,
  applyOnForward: bool,
})

export const calicoTier = struct({ order: number, defaultAction: text })
