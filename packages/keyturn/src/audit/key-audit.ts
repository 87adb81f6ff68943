import type { AuditTrail } from '@keyturn/keyring'
import type { AuditLog } from './audit-log.ts'

/** Who writes to the ring. */
export interface Actor {
  /** `keyturn serve`, or the command that an operator ran. */
  readonly program: string
  /** The user of the operating system; `undefined` where there is none. */
  readonly uid: number | undefined
  /** The client that asked for it over HTTP. */
  readonly client?: string
}

/** The actor that this process is. */
export function actorOf(program: string): Actor {
  return { program, uid: process.getuid?.() }
}

/** Writes down what happens to the ring, in the audit log; where a client asked for it, also which one. */
export function keyAudit(log: AuditLog, process: Actor): AuditTrail {
  return {
    async record({ at, failed, requestedBy: client, ...entry }) {
      const kind = failed === undefined ? 'ring-write' : 'ring-write-failed'
      const actor = client === undefined ? process : { ...process, client }
      const failure = failed && { failed: failed.code, record: failed.record?.seq }
      const head = await log.append({ kind, at, actor, ...failure, ...entry })
      return { log: await log.logId(), ...head }
    },
  }
}
