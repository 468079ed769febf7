import t from 'tap'
import { type Grammar, type GrammarName, grammars } from '../../../src/linkerd/injection/annotation-grammar.ts'
import {
  inheritedKeys,
  isInheritedIn,
  isKnownIn,
  proxyAnnotation,
  proxyAnnotations,
} from '../../../src/linkerd/injection/proxy-annotations.ts'

// Values as recorded: what the injector, linkerd-init or the API server made of them is the verdict.
const table: Partial<Readonly<Record<GrammarName, readonly [valid: readonly string[], invalid: readonly string[]]>>> = {
  bool: [
    ['true', 'T', '0', 'FALSE'],
    ['yes', 'on', 'enabled', ' true', ''],
  ],
  onOff: [
    ['enabled', 'disabled'],
    ['true', 'Enabled', ''],
  ],
  duration: [
    ['500ms', '1m30s', '1.5s'],
    ['30', '10sec', '1d', '5 s', ''],
  ],
  seconds: [
    ['0', '20'],
    ['30s', '-1', '1.5', ''],
  ],
  port: [
    ['4143', '65535', '1'],
    ['0', '-1', '70000', '80.5', 'http', '4191 ', ''],
  ],
  userId: [
    ['2102', '65534'],
    ['0', '-1', 'root', '1000 ', ''],
  ],
  groupId: [
    ['0', '65534', '-1'],
    ['root', '1000 ', ''],
  ],
  quantity: [
    ['100m', '0.5', '64Mi'],
    ['64MB', '1 Gi', '2 cores', '1,5', ''],
  ],
  ratio: [
    ['0.5', '0.99'],
    ['1.0', '0', '50%', 'NaN', '-0.5', ''],
  ],
  pullPolicy: [
    ['Always', 'IfNotPresent', 'Never', ''],
    ['always', 'ifnotpresent'],
  ],
  inboundPolicy: [
    ['deny', 'audit', 'cluster-authenticated'],
    ['Deny', 'allow', 'all-authenticatd', ''],
  ],
  httpHeaders: [
    ['insecure', 'off', ''],
    ['on', 'Insecure', 'true'],
  ],
  accessLog: [
    ['apache', 'JSON', ''],
    ['nginx', 'json\n'],
  ],
  skipPorts: [
    ['3306,4567-4568', '0', ''],
    ['3306, 5432', 'mysql', '10-5', '3306,', '65536'],
  ],
  subnets: [
    ['10.0.0.0/8, 172.16.0.0/12', ''],
    ['10.0.0.0', '10.0.0.0/33', 'nonsense'],
  ],
  portList: [
    ['587', ' 9092 , 80', '1-9', ''],
    ['http', '0', '9-1'],
  ],
  environment: [
    ['[]', 'null', '[{"name":"X"}]', ''],
    ['{"X":"1"}', '[{"name":1}]', 'not json'],
  ],
  tag: [
    ['edge-26.8.1', 'latest', ''],
    [' edge-26.8.1', 'latest"'],
  ],
}

t.test('it accepts what Linkerd reads, and nothing else', async (t) => {
  for (const [name, [valid, invalid]] of Object.entries(table)) {
    const grammar: Grammar = grammars[name as GrammarName]
    for (const value of valid) t.ok(grammar.accepts(value, 20), `${name} ${JSON.stringify(value)}`)
    for (const value of invalid) t.notOk(grammar.accepts(value, 20), `${name} ${JSON.stringify(value)}`)
  }
  t.notOk(grammars.inboundPolicy.accepts('audit', 15), 'audit came with 2.16')
})

t.test('it mends only into what is valid', async (t) => {
  const mended: readonly (readonly [GrammarName, string, string | undefined])[] = [
    ['bool', 'yes', 'true'],
    ['onOff', 'false', 'disabled'],
    ['duration', '30', '30s'],
    ['duration', '10sec', '10s'],
    ['duration', '1d', '24h'],
    ['duration', 'abc', undefined],
    ['seconds', '30s', '30'],
    ['port', '4191 ', '4191'],
    ['userId', 'root', undefined],
    ['quantity', '64MB', '64M'],
    ['quantity', '1 Gi', '1Gi'],
    ['quantity', '1,5', '1.5'],
    ['quantity', '2 cores', '2'],
    ['ratio', '50%', '0.5'],
    ['skipPorts', '3306, 5432', '3306,5432'],
    ['skipPorts', 'mysql', undefined],
    ['subnets', '10.0.0.1', '10.0.0.1/32'],
    ['subnets', '10.0.0.0/33', undefined],
    ['tag', ' edge-26.8.1', 'edge-26.8.1'],
  ]
  for (const [name, value, expected] of mended) {
    const grammar: Grammar = grammars[name]
    t.equal(grammar.mend?.(value), expected, `${name} ${value}`)
    if (expected !== undefined) t.ok(grammar.accepts(expected, 20), expected)
  }
})

t.test('it lists every annotation once, with its releases', async (t) => {
  const keys = proxyAnnotations.map(({ key }) => key)
  t.same(keys, [...new Set(keys)])
  const states = (key: string, minor: number) => {
    const known = proxyAnnotation(key)
    return known && [isKnownIn(known, minor), isInheritedIn(known, minor)]
  }
  const beta = 'config.beta.linkerd.io/proxy-enable-native-sidecar'
  t.same(
    [18, 19, 20].map((minor) => states(beta, minor)),
    [
      [false, false],
      [true, true],
      [true, false],
    ],
  )
  t.same(states('config.linkerd.io/proxy-enable-native-sidecar', 19), [false, false])
  t.same(states('config.linkerd.io/init-image', 19), [true, true])
  t.same(states('config.linkerd.io/init-image', 20), [false, false])
  t.same(states('config.linkerd.io/close-wait-timeout', 20), [true, false])
  t.equal(inheritedKeys(20).length, 43, 'as many as edge-26.8 copies')
})
