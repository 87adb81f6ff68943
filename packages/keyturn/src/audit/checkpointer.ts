import type { Clock } from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditLog } from './audit-log.ts'
import { signCheckpoint } from './checkpoint.ts'

/** What a {@link Checkpointer} works with. */
export interface CheckpointerOptions {
  readonly log: AuditLog
  readonly keys: KeyManager
  readonly clock: Clock
  /** Gets every checkpoint too: a copy that leaves the machine is what shows that the log was cut off. */
  readonly logger: Logger
}

const INTERVAL_MS = 3_600_000

/** Signs how far the audit log has gone: at the start, and every hour if there is more of it since. */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  #cancel = () => {}
  #lastSeq = 0
  #pending: Promise<void> = Promise.resolve()

  constructor(options: CheckpointerOptions) {
    this.#options = options
  }

  /** Resolves when the first checkpoint is made, or could not be. */
  async start(): Promise<void> {
    this.#pending = this.#checkpoint()
    await this.#pending
    this.#schedule()
  }

  async close(): Promise<void> {
    this.#cancel()
    await this.#pending
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.setTimer(() => {
      this.#pending = this.#checkpoint()
      this.#schedule()
    }, INTERVAL_MS)
  }

  /** One that fails is tried again in an hour: nothing hangs on it, and the log says so. */
  async #checkpoint(): Promise<void> {
    const { log, keys, clock, logger } = this.#options
    try {
      if (keys.ring().held !== null) return
      const head = await log.head()
      if (head === undefined || head.seq === this.#lastSeq) return
      const checkpoint = await signCheckpoint(keys, await log.logId(), head)
      const { seq } = await log.append({ kind: 'checkpoint', at: clock.now(), checkpoint })
      // a line that came in between is for the next one to sign
      this.#lastSeq = seq === head.seq + 1 ? seq : head.seq
      logger.info({ checkpoint, seq: head.seq }, 'the audit log was signed')
    } catch (error) {
      logger.error({ err: error }, 'the audit log could not be signed')
    }
  }
}
