import type { PromiseId } from '@keyturn/testing/simulator'

/** What a file of the compiled code says, and what it says instead. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** A fault, put into the compiled code. */
export interface Mutant {
  readonly name: string
  /** What the simulator must say is broken. */
  readonly breaks: PromiseId
  readonly edits: readonly Edit[]
}

const keyring = (file: string) => (from: string, to: string) => ({ file: `/keyring/dist/${file}`, from, to })
const changes = keyring('changes.js')
const guard = keyring('clock-guard.js')
const follower = keyring('ring-follower.js')
const imports = keyring('key-import.js')
const keeper = keyring('ring-keeper.js')
const plan = keyring('plan.js')
const published = keyring('published-set.js')
const ring = keyring('ring.js')
const restoration = keyring('restoration.js')
const revocation = keyring('revocation.js')
const rotation = keyring('manual-rotation.js')
const rotator = keyring('rotator.js')
const storeClock = keyring('stores/store-clock.js')

/** The ring refuses to be written broken; so that this is not all that is found, it does not. */
const unguarded = ring('if (!condition)', 'if (false)')

/** Faults as they occur in the field. Each must be told as what it is; one that is not shows a check that is missing. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'signs with a key that was published just now',
    breaks: 'invariant-1',
    edits: [
      changes(
        'const signableAt = inUseUntil(ring, now) + propagationOf(policy.timing);',
        'const signableAt = now;',
      ),
    ],
  },
  {
    name: "reckons the lead from today's header",
    breaks: 'invariant-1',
    edits: [
      ring(
        'Math.max(...ring.exposures.map((exposure) => exposureEnd(exposure, servedAt)), servedAt)',
        'exposureEnd(ring.exposures.find((it) => it.servedUntil === null), servedAt)',
      ),
    ],
  },
  {
    name: 'signs at once when it comes out of a backup',
    breaks: 'invariant-1',
    edits: [
      restoration(
        'held: Object.freeze({ generation: backup.generation, writtenAt: backup.writtenAt })',
        'held: null',
      ),
    ],
  },
  {
    name: 'imports a key that will not have been published for its lead',
    breaks: 'invariant-1',
    edits: [imports('if (signableAt <= next.activateAt)', 'if (true)')],
  },
  {
    name: 'retires a key when its last token expires, but no clock is exact',
    breaks: 'invariant-2',
    edits: [changes('key.maxTtlSeconds * 1000 + timing.graceSkewMs', 'key.maxTtlSeconds * 1000')],
  },
  {
    name: 'promises longer lifetimes without publishing longer',
    breaks: 'invariant-2',
    edits: [
      unguarded,
      changes(
        'publishUntil: Math.max(key.publishUntil ?? 0, key.signUntil + graceOf(timing))',
        'publishUntil: key.publishUntil',
      ),
    ],
  },
  {
    name: 'takes keys out of the set by a clock that was set forward',
    breaks: 'invariant-2',
    edits: [published('isInDoubt ?', 'false ?')],
  },
  {
    name: 'hands over by order, with a clock that is in doubt',
    breaks: 'invariant-2',
    edits: [rotation('if (clockTrusted)', 'if (true)')],
  },
  {
    name: 'ends the active key later than its successor begins',
    breaks: 'invariant-3',
    edits: [
      unguarded,
      rotation(
        'return endAt(key, activateAt, policy.timing);',
        'return endAt(key, activateAt + 500, policy.timing);',
      ),
    ],
  },
  {
    name: 'hands over only when something is written',
    breaks: 'invariant-3',
    edits: [
      keeper('return effectiveNow(this.#ring, this.#options.clock.now());', 'return this.#ring.writtenAt;'),
    ],
  },
  {
    name: 'goes back to the key before when its clock is set back',
    breaks: 'invariant-3',
    edits: [ring('return Math.max(now, ring.writtenAt);', 'return now;')],
  },
  {
    name: 'hands over by order before the others know',
    breaks: 'invariant-4',
    edits: [rotation('const soonest = now + withinMs;', 'const soonest = now + 1;')],
  },
  {
    name: 'does not look at what others write',
    breaks: 'invariant-4',
    edits: [follower('keeper.adopt(ring)', 'false')],
  },
  {
    name: 'destroys a private half that still signs',
    breaks: 'invariant-5',
    edits: [unguarded, plan(': key.signUntil + propagationOf(policy.timing);', ': 0;')],
  },
  {
    name: 'drops a key as soon as it has signed for the last time',
    breaks: 'invariant-6',
    edits: [
      changes(
        'changed.keys.filter((key) => hasEnded(key, now))',
        'changed.keys.filter((key) => key.signUntil !== null && key.signUntil <= now)',
      ),
    ],
  },
  {
    name: 'begins the interval anew at each restart',
    breaks: 'invariant-7',
    edits: [
      keeper(
        'return new RingKeeper(options, ring);',
        `const at = options.clock.now(), end = at + options.policy.timing.rotationIntervalMs
        const next = ring.keys.at(-1)
        const isNext = next.activateAt > at && next.revokedAt === null && mayCreate
        return new RingKeeper(options, !isNext ? ring : { ...ring, keys: ring.keys.map((key) =>
          key === next ? { ...key, activateAt: end }
          : key === ring.keys.at(-2) ? { ...key, signUntil: end, publishUntil: end + 1e5 } : key) })`,
      ),
    ],
  },
  {
    name: 'lets an imported key begin a lead after the import, whatever was fixed',
    breaks: 'invariant-7',
    edits: [
      unguarded,
      imports(
        'const { activateAt } = next;',
        'const activateAt = Math.max(signableAt, next.activateAt) + 1;',
      ),
    ],
  },
  {
    name: 'takes back the lifetime that it promised, when the setting is lowered',
    breaks: 'invariant-7',
    edits: [plan('key.maxTtlSeconds < wanted', 'key.maxTtlSeconds !== wanted')],
  },
  {
    name: 'makes a next key though there is one',
    breaks: 'invariant-8',
    edits: [
      unguarded,
      plan(
        "if (findKey(ring, 'next', now) === undefined && hasRoom",
        "if (findKey(ring, 'next', now + policy.timing.rotationIntervalMs / 2) === undefined && hasRoom",
      ),
      changes(
        'const active = activeKey(ring, now);\n    const signableAt',
        'const active = ring.keys.at(-1);\n    const signableAt',
      ),
    ],
  },
  {
    name: 'goes on publishing a revoked key',
    breaks: 'invariant-9',
    edits: [ring("state === 'retired';", "state === 'retired' || state === 'revoked';")],
  },
  {
    name: 'does not notice that it slept',
    breaks: 'invariant-4',
    edits: [
      follower(
        'return this.#lookedAt !== undefined && this.#elapsedSince(this.#lookedAt) > this.#options.pollMs;',
        'return false;',
      ),
    ],
  },
  {
    name: 'lets two writers both win',
    breaks: 'invariant-10',
    edits: [
      {
        file: '/testing/dist/simulator/simulated-storage.js',
        from: 'if ((newest?.generation ?? 0) !== expectedGeneration)',
        to: 'if (newest !== undefined && expectedGeneration === 0)',
      },
    ],
  },
  {
    name: 'takes over whichever ring it finds',
    breaks: 'invariant-10',
    edits: [
      keeper('if (ring === undefined || ring.generation < generation)', 'if (false)'),
      keeper('if (isKnown)', 'if (false)'),
      keeper('assertFollows(this.#ring, ring);', ''),
    ],
  },
  {
    name: 'goes back to the generation of a backup',
    breaks: 'invariant-10',
    edits: [
      restoration(
        'Math.max(backup.generation, lostGeneration, Math.floor(now / TICK_MS)) + GENERATIONS_AHEAD',
        'backup.generation + 1',
      ),
    ],
  },
  {
    name: 'makes its set anew at each look',
    breaks: 'invariant-11',
    edits: [published('const same = before !== undefined && ', 'const same = before === null && ')],
  },
  {
    name: 'hands over inside the lead, when an operator wants it',
    breaks: 'invariant-12',
    edits: [
      rotation('if (soonest >= next.signableAt || force === true)', 'if (soonest >= next.publishedAt)'),
    ],
  },
  {
    name: 'makes up for the rotations that were slept through',
    breaks: 'promise-R5',
    edits: [changes('Math.max(active.activateAt, moment.wokeAt) + policy', 'active.activateAt + policy')],
  },
  {
    name: 'does not notice that it was stopped',
    breaks: 'promise-R5',
    edits: [guard('this.#wokeAt = this.#clock.now();', '')],
  },
  {
    name: 'decides by its own clock, though the store has one for all',
    breaks: 'promise-R5',
    edits: [storeClock('return clockAheadMs;', 'return 0;')],
  },
  {
    name: 'goes by a clock that was just set',
    breaks: 'promise-R8',
    edits: [guard('trusted: monotonic >= this.#doubtedUntil', 'trusted: true')],
  },
  {
    name: 'keeps private halves for ever',
    breaks: 'promise-R8',
    edits: [plan(': key.signUntil + propagationOf(policy.timing);', ': Number.POSITIVE_INFINITY;')],
  },
  {
    name: 'ends the schedule at the first error',
    breaks: 'promise-R9',
    edits: [rotator('return this.#failed(error);', 'return this.#failed(error) * 1e6;')],
  },
  {
    name: 'revokes only the key that is asked for, though the store leaked',
    breaks: 'promise-R13',
    edits: [revocation('ring.keys.filter(({ privateKey }) => privateKey !== null)', '[]')],
  },
]
