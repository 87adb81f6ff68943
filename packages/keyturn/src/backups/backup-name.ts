/** A backup of a ring, as the name of its file tells of it. */
export interface Backup {
  readonly name: string
  readonly ringId: string
  readonly generation: number
  /** When it was made, in milliseconds; whole seconds. */
  readonly madeAt: number
}

const NAME = /^keyturn-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\d{12})-([0-9a-f-]{36})\.ring$/

/** Names a backup: `keyturn-20261125T140000Z-000000000012-….ring`, time, generation and ring. Names sort by time. */
export function backupOf(
  ring: { readonly ringId: string; readonly generation: number },
  now: number,
): Backup {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
  const name = `keyturn-${time}-${String(ring.generation).padStart(12, '0')}-${ring.ringId}.ring`
  return { name, ringId: ring.ringId, generation: ring.generation, madeAt: Math.floor(now / 1000) * 1000 }
}

/** Reads the name of a file; `undefined` for one that {@link backupOf} does not give. */
export function parseBackupName(name: string): Backup | undefined {
  const [, year, month, day, hour, minute, second, generation, ringId = ''] = NAME.exec(name) ?? []
  const madeAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(madeAt) ? undefined : { name, ringId, generation: Number(generation), madeAt }
}

/** Which of two holds the later ring: a clock that was set tells nothing of that, the generation does. */
export function byGeneration(a: Backup, b: Backup): number {
  return a.generation - b.generation || a.madeAt - b.madeAt
}
