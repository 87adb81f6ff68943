/** With `--import`: a process whose wall clock is wrong by TEST_CLOCK_OFFSET_MS, as on a machine that nobody synchronises. */

const offsetMs = Number(process.env.TEST_CLOCK_OFFSET_MS ?? 0)
const RightDate = globalThis.Date

globalThis.Date = class extends RightDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RightDate.now() + offsetMs] : parts))
  }

  static now() {
    return RightDate.now() + offsetMs
  }
}
