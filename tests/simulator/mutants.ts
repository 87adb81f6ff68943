/** A fault, put into the compiled code: what the file says, and what it says instead. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const keyring = (file: string) => `/keyring/dist/${file}`

/** Faults as they occur in the field. Each must turn the simulation red; one that does not shows a check that is missing. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'signs with a key that was published just now',
    file: keyring('changes.js'),
    from: 'const signableAt = inUseUntil(ring, now) + propagationOf(policy.timing);',
    to: 'const signableAt = now;',
  },
  {
    name: 'retires a key before its last token has expired',
    file: keyring('changes.js'),
    from: 'publishUntil: signUntil + key.maxTtlSeconds * 1000 + timing.graceSkewMs',
    to: 'publishUntil: signUntil + key.maxTtlSeconds * 900',
  },
  {
    name: 'begins the interval anew at each restart',
    file: keyring('ring-keeper.js'),
    from: 'return new RingKeeper(options, ring);',
    to: `const at = options.clock.now(), end = at + options.policy.timing.rotationIntervalMs
      const next = ring.keys.at(-1)
      const isNext = next.activateAt > at && next.revokedAt === null && mayCreate
      return new RingKeeper(options, !isNext ? ring : { ...ring, keys: ring.keys.map((key) =>
        key === next ? { ...key, activateAt: end }
        : key === ring.keys.at(-2) ? { ...key, signUntil: end, publishUntil: end + 1e5 } : key) })`,
  },
  {
    name: 'lets two writers both win',
    file: '/testing/dist/simulator/simulated-store.js',
    from: 'if ((this.#ring?.generation ?? 0) !== expectedGeneration)',
    to: 'if (this.#ring !== undefined && expectedGeneration === 0)',
  },
  {
    name: 'drops a key as soon as it has signed for the last time',
    file: keyring('changes.js'),
    from: 'changed.keys.filter((key) => hasEnded(key, now))',
    to: 'changed.keys.filter((key) => key.signUntil !== null && key.signUntil <= now)',
  },
  {
    name: 'destroys a private half that still signs',
    file: keyring('plan.js'),
    from: ': key.signUntil + propagationOf(policy.timing);',
    to: ': 0;',
  },
  {
    name: 'makes up for the rotations that were slept through',
    file: keyring('changes.js'),
    from: 'Math.max(active.activateAt, moment.wokeAt) + policy',
    to: 'active.activateAt + policy',
  },
  {
    name: "reckons the lead from today's header",
    file: keyring('ring.js'),
    from: 'Math.max(...ring.exposures.map((exposure) => exposureEnd(exposure, servedAt)), servedAt)',
    to: 'exposureEnd(ring.exposures.find((it) => it.servedUntil === null), servedAt)',
  },
  {
    name: 'promises longer lifetimes without publishing longer',
    file: keyring('changes.js'),
    from: 'publishUntil: Math.max(key.publishUntil ?? 0, key.signUntil + graceOf(timing))',
    to: 'publishUntil: key.publishUntil',
  },
  {
    name: 'goes on publishing a revoked key',
    file: keyring('ring.js'),
    from: "state === 'retired';",
    to: "state === 'retired' || state === 'revoked';",
  },
  {
    name: 'makes a next key though there is one',
    file: keyring('plan.js'),
    from: "if (findKey(ring, 'next', now) === undefined)",
    to: "if (findKey(ring, 'next', now + policy.timing.rotationIntervalMs / 2) === undefined)",
  },
  {
    name: 'does not notice that it slept',
    file: keyring('ring-follower.js'),
    from: 'return this.#options.clock.monotonicNow() - this.#lookedAt > this.#options.pollMs;',
    to: 'return false;',
  },
  {
    name: 'does not look at what others write',
    file: keyring('ring-follower.js'),
    from: 'keeper.adopt(ring)',
    to: 'false',
  },
  {
    name: 'ends the schedule at the first error',
    file: keyring('rotator.js'),
    from: 'delayMs = this.#failed(error);',
    to: 'delayMs = this.#failed(error) * 1e6;',
  },
  {
    name: 'lets an operator rotate inside the lead',
    file: keyring('manual-rotation.js'),
    from: 'if (soonest >= next.signableAt || force === true)',
    to: 'if (soonest >= next.publishedAt)',
  },
]
