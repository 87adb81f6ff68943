import fc from 'fast-check'
import { it } from 'vitest'
import { RingHistory, type Step } from './ring-history.fixture.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
const RUNS = Number(process.env.KEYTURN_PROPERTY_RUNS ?? 2000)

const oneOf = <const T>(...values: readonly T[]) => fc.constantFrom(...values)
const span = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 30 * SECOND }), weight: 2 },
  { arbitrary: fc.integer({ min: 1, max: HOUR }), weight: 3 },
  oneOf(DAY, 3 * DAY),
)
const settings = fc.record(
  {
    rotationIntervalMs: oneOf(6 * HOUR, DAY),
    jwksMaxAgeMs: oneOf(60 * SECOND, 900 * SECOND, 3 * HOUR),
    maxTtlMs: oneOf(600 * SECOND, 620 * SECOND, HOUR, 2 * DAY),
    graceSkewMs: oneOf(15 * SECOND, 60 * SECOND),
  },
  { requiredKeys: [] },
)
// a clock that is set back by days makes the ring stand still for the rest of the history, so it seldom is
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ does: oneOf('pass-to-lead'), ms: oneOf(0, 999, 1000, 1001) }), weight: 4 },
  { arbitrary: fc.record({ does: oneOf('pass'), ms: span }), weight: 12 },
  {
    arbitrary: fc.record({ does: oneOf('rotate'), urgency: oneOf({}, { queue: true }, { force: true }) }),
    weight: 8,
  },
  { arbitrary: fc.record({ does: oneOf('restart'), settings }), weight: 6 },
  { arbitrary: fc.record({ does: oneOf('store'), isUp: oneOf(true, true, true, false) }), weight: 4 },
  { arbitrary: fc.record({ does: oneOf('stop', 'sleep'), ms: fc.oneof(span, oneOf(60 * DAY)) }), weight: 2 },
  { arbitrary: fc.record({ does: oneOf('set-back'), ms: fc.integer({ min: 1, max: HOUR }) }), weight: 2 },
  { arbitrary: fc.record({ does: oneOf('import') }), weight: 3 },
  fc.record({ does: oneOf('set-back'), ms: oneOf(DAY, 60 * DAY) }),
  fc.record({ does: oneOf('revoke'), victim: oneOf('active', 'next', 'retired'), leaked: fc.boolean() }),
)

it('keeps invariants 1-3, 5-7 and 9-12 over random histories (R4, R5, R6, R7, R8, R9, R12, R64)', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => new RingHistory().run(steps)),
    { numRuns: RUNS },
  )
}, 300_000)
