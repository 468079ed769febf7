import { isUnresolved } from '../k8s/json.ts'
import { configPrefixes } from '../linkerd/facts.ts'
import { isInheritedIn, isKnownIn, proxyAnnotation } from '../linkerd/injection/proxy-annotations.ts'
import { defineRule } from '../linkerd/rule.ts'

export const namespaceAnnotationNotInherited = defineRule({
  id: 'namespace-annotation-not-inherited',
  severity: 'warning',
  judges: 'both',
  summary: 'On a Namespace only those annotations count that the injector copies to Pods.',
  why: `The injector copies a fixed list of annotations from the Namespace to the Pods it injects. Some that configure the proxy are not on that list: \`close-wait-timeout\`,
\`proxy-cpu-ratio-limit\`, the debug image, \`enable-gateway\`, and, since 2.20, the beta key of the native sidecar. On a Namespace they look right and do nothing.`,
  remediation: 'Put the annotation on the Pod templates of the Namespace.',
  limits: 'The list depends on the release: set `linkerd.minor`.',
  sources: [
    'linkerd2 pkg/inject/inject.go ProxyAnnotations (edge-26.8)',
    'https://linkerd.io/2/reference/proxy-configuration/',
  ],
  messages: {
    'not-inherited':
      '{{annotation}} must stand on the Pod templates: on Namespace {{namespace}} Linkerd 2.{{minor}} does not hand it down{{instead}}',
  },
  reads: [],
  check: {
    *Namespace(namespace, { settings: { minor } }) {
      for (const [key, value] of Object.entries(namespace.metadata.annotations ?? {})) {
        const known = proxyAnnotation(key)
        if (!known || !isKnownIn(known, minor) || isInheritedIn(known, minor) || isUnresolved(value)) continue
        const settled = key.replace(configPrefixes.beta, configPrefixes.stable)
        const other = settled === key ? undefined : proxyAnnotation(settled)
        const instead = other && isInheritedIn(other, minor) ? `; ${settled} is handed down` : ''
        const path = ['metadata', 'annotations', key]
        const data = { annotation: key, namespace: namespace.name, minor, instead }
        yield { message: 'not-inherited', path, data, confidence: 'high' }
      }
    },
  },
})
