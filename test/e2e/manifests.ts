import type { WireObject } from '../admission/reviews.ts'

/* Objects that the live suite applies. */

const meshed = { 'linkerd.io/inject': 'enabled' }

export const namespace = (name: string, annotations: object = meshed): WireObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, annotations },
})

const labelled = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: app, image: 'example/web', ports: [{ containerPort: 8080 }] }] },
})

/** Without replicas, no Pod disturbs what is judged. */
export const deployment = (namespace: string, name: string, replicas = 0): WireObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: labelled(name) },
})

export const pod = (namespace: string, name: string, metadata: object = {}): WireObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, ...metadata },
  spec: labelled('web').spec,
})

/** Lets web reach api on these ports: with a finding for whom both are meshed, unless 4143 is among them. */
export const policy = (
  namespace: string,
  name: string,
  ports: readonly number[] = [8080],
  metadata: object = {},
): WireObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, ...metadata },
  spec: {
    podSelector: { matchLabels: { app: 'api' } },
    policyTypes: ['Ingress'],
    ingress: ports.map((port) => ({
      from: [{ podSelector: { matchLabels: { app: 'web' } } }],
      ports: [{ protocol: 'TCP', port }],
    })),
  },
})

/** NATS speaks first: with a finding unless it is marked opaque. */
export const nats = (namespace: string, annotations: object = {}): WireObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'nats', namespace, annotations },
  spec: { selector: { app: 'nats' }, ports: [{ name: 'nats', port: 4222 }] },
})

export const opaque = { 'config.linkerd.io/opaque-ports': '25,587,3306,4444,5432,6379,9300,11211,4222' }

/** Clients dial its Pods by their names, which belong to this Service. */
export const natsPods = (namespace: string, serviceName: string): WireObject => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'nats', namespace },
  spec: {
    serviceName,
    selector: { matchLabels: { app: 'nats' } },
    template: {
      metadata: { labels: { app: 'nats' } },
      spec: { containers: [{ name: 'nats', image: 'nats:2', ports: [{ containerPort: 4222 }] }] },
    },
  },
})

/** A Service that leads to loopback: the API server calls a webhook there by HTTP/1.1 and the Service's TLS name. */
export const leadsToLoopback = (namespace: string, name: string, metadata: object = {}): WireObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, ...metadata },
  spec: { type: 'ExternalName', externalName: '127.0.0.1' },
})
