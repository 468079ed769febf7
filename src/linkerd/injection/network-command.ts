import type { Container } from '../../k8s/spec-shapes.ts'

/** Programs in init containers that talk to something else: waiting for a server, migrating a database, fetching a file. */
const networked =
  /(?:^|[\s;&|($`/])(curl|wget|nc|ncat|nslookup|dig|getent|ping|telnet|pg_isready|psql|mysql|mysqladmin|mongosh?|redis-cli|grpcurl|kubectl|git clone|wait-for(?:-it)?(?:\.sh)?|aws|gsutil)(?=$|[\s;&|)])/

/** The program in a container's command that needs the network, if one is known to. */
export function networkCommandOf({ command, args }: Container): string | undefined {
  return networked.exec([...(command ?? []), ...(args ?? [])].join(' '))?.[1]
}
