// helm test: asks a replica what it sees of the path from the API server to itself, until it is whole or two minutes are over.
const base = process.env.MESHGATE_URL
const patienceMs = Number(process.env.MESHGATE_PATIENCE_MS ?? 120_000)
const ask = async (path) => {
  const response = await fetch(base + path, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) })
  return { ok: response.ok, text: await response.text() }
}
const holds = (text, name) => {
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))]
  return samples.length > 0 && samples.every(([, value]) => Number(value) === 1)
}
const look = async () => {
  const ready = await ask('/readyz')
  if (!ready.ok) return `not ready: ${ready.text.trim()}`
  const { text } = await ask('/metrics')
  if (!holds(text, 'meshgate_trust_probe_success'))
    return 'the API server does not trust the certificate: the CA is not in the webhook configurations'
  if (!holds(text, 'meshgate_canary_success')) return 'the API server does not call the webhook, or gets no answer'
  return undefined
}
const end = Date.now() + patienceMs
const answer = () => look().catch((error) => `nobody answers: ${error.cause?.message ?? error.message}`)
let trouble = await answer()
while (trouble !== undefined && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 2000))
  trouble = await answer()
}
console.log(trouble ?? 'the API server calls meshgate, and trusts it')
process.exitCode = trouble === undefined ? 0 : 1
