import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { DEFAULT_POLICY, KeyManager, MemoryKeyStore } from '@keyturn/keyring'

/**
 * `node bench/keygen-stall.ts`: how long the event loop stands still while an authority signs at full load, in windows in
 * which keys are made and turned, and in windows in which they are not, taking turns. `--json` for machines.
 *
 * `maxStallMs` is wall time, in which the machine may have run other processes; `maxOwnWorkMs` is the longest work of the
 * main thread in one piece, in its own processor time: what a stall would be on a machine with a processor to spare.
 *
 * A rotation here is what a rotation in service is: a pair from the thread pool with its self-test, two writes, and a new
 * signer; forced, so that one follows the other without the lead in between.
 */

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    algorithm: { type: 'string', default: 'RS256' },
    'in-flight': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    'window-ms': { type: 'string', default: '2000' },
  },
})
const TIMING = {
  ...DEFAULT_POLICY.timing,
  storePollMs: 1,
  clockSkewMs: 0,
  graceSkewMs: 10_000,
  maxTtlMs: 60_000,
}
const POLICY = {
  ...DEFAULT_POLICY,
  algorithm: values.algorithm as typeof DEFAULT_POLICY.algorithm,
  timing: TIMING,
}
const CLAIMS = { iss: 'https://auth.test', sub: 'u1', aud: 'orders', jti: 'j1', client_id: 'c1' }
const RESOLUTION_MS = 1

interface Window {
  readonly maxMs: number
  readonly p99Ms: number
  readonly ownWorkMs: number
  readonly signaturesPerSecond: number
  readonly rotations: number
}

const keys = await KeyManager.open({ store: new MemoryKeyStore(), policy: POLICY })
// warm-up, of both
await measure(true)
const quiet: Window[] = []
const turning: Window[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  quiet.push(await measure(false))
  turning.push(await measure(true))
}
await keys.close()
report({ 'keys at rest': summary(quiet), 'keys turning': summary(turning) })

async function measure(isTurning: boolean): Promise<Window> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const startedAt = performance.now()
  const isOver = () => performance.now() - startedAt >= Number(values['window-ms'])
  let signatures = 0
  let rotations = 0
  const sign = async () => {
    for (; !isOver(); signatures++) await keys.sign(CLAIMS, { ttlSeconds: 60, typ: 'at+jwt' })
  }
  const turn = async () => {
    for (; !isOver(); rotations++) await rotate()
  }
  let ownWorkMs = 0
  let seen = mainThreadMs()
  const tick = setInterval(() => {
    const used = mainThreadMs()
    ownWorkMs = Math.max(ownWorkMs, used - seen)
    seen = used
  }, RESOLUTION_MS)
  delay.enable()
  await Promise.all([
    ...Array.from({ length: Number(values['in-flight']) }, sign),
    ...(isTurning ? [turn()] : []),
  ])
  delay.disable()
  clearInterval(tick)
  const seconds = (performance.now() - startedAt) / 1000
  // what is over the interval at which the monitor looks is delay
  const stall = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  return {
    maxMs: stall(delay.max),
    p99Ms: stall(delay.percentile(99)),
    ownWorkMs,
    signaturesPerSecond: signatures / seconds,
    rotations,
  }
}

function mainThreadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Forces the spare to sign, and waits until it does and the spare after it is there. */
async function rotate(): Promise<void> {
  const { activeKid } = await keys.rotate({ force: true })
  const isDone = () => keys.ring().keys.at(-2)?.kid === activeKid && keys.health().nextKeyReady
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1))
}

function summary(windows: readonly Window[]) {
  const rounded = (value: number) => Math.round(value * 10) / 10
  return {
    maxStallMs: rounded(Math.max(...windows.map(({ maxMs }) => maxMs))),
    p99StallMs: rounded(median(windows.map(({ p99Ms }) => p99Ms))),
    maxOwnWorkMs: rounded(Math.max(...windows.map(({ ownWorkMs }) => ownWorkMs))),
    signaturesPerSecond: Math.round(median(windows.map((it) => it.signaturesPerSecond))),
    rotations: windows.reduce((sum, it) => sum + it.rotations, 0),
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

function report(rows: Record<string, ReturnType<typeof summary>>): void {
  const setting = { node: process.version, ...values }
  if (values.json) console.log(JSON.stringify({ setting, rows }))
  else console.table(rows)
}
