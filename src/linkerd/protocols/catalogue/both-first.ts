import type { Protocol } from '../protocol.ts'

/** Protocols in which both sides write at once, so that most clients wait for nobody; some do. */
export const bothFirst: readonly Protocol[] = [
  {
    id: 'ssh',
    name: 'SSH or SFTP',
    class: 'both-first',
    ports: [22, 2222],
    images: [
      'sshd',
      'sftp',
      'openssh-server',
      'openssh',
      'gitlab-shell',
      'gitea',
      'gitlab-ce',
      'gitlab-ee',
      'bitbucket*',
      'forgejo',
    ],
    portNames: ['ssh', 'sftp', 'git-ssh', 'gitlab-shell'],
    greetsBeforeTls: true,
    source:
      'RFC 4253, 4.2: both sides send their identification; OpenSSH does not wait for the other, some libraries do',
  },
  {
    id: 'rsync',
    name: 'rsync daemon',
    class: 'both-first',
    ports: [873],
    images: ['rsync*', 'rsyncd'],
    portNames: ['rsync', 'rsyncd'],
    source: 'rsync, csprotocol.txt: both sides send @RSYNCD: with their version',
  },
  {
    id: 'mysql-x',
    name: 'MySQL X protocol',
    class: 'both-first',
    evidence: 'medium',
    ports: [33060, 6448, 6449],
    images: ['mysql', 'mysql-server', 'community-server', 'mysql-router', 'community-router'],
    portNames: ['mysqlx', 'mysql-x'],
    source:
      'MySQL X protocol: the server sends a notice since 8.0.16, the client starts with its capabilities and does not wait',
  },
  {
    id: 'activemq-openwire',
    name: 'ActiveMQ OpenWire',
    class: 'both-first',
    ports: [61616],
    images: ['activemq*', 'artemis*', 'activemq-artemis*'],
    portNames: ['openwire'],
    vagueNames: ['broker', 'tcp'],
    source: 'OpenWire: both sides send WireFormatInfo',
  },
  {
    id: 'ceph-msgr2',
    name: 'Ceph messenger v2',
    class: 'both-first',
    ports: [3300],
    images: [],
    portNames: ['tcp-msgr2', 'msgr2'],
    source: 'Ceph msgr2 protocol: both sides send their banner; further daemons use ports from 6800 on',
  },
]
