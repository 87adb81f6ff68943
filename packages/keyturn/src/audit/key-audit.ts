import type { AuditTrail } from '@keyturn/keyring'
import type { ActingClient } from './acting-client.ts'
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

/** Writes down what happens to the ring, in the audit log; where a client may ask for it, also which one. */
export function keyAudit(log: AuditLog, process: Actor, acting?: ActingClient): AuditTrail {
  return {
    async record({ at, failed, ...entry }) {
      const kind = failed === undefined ? 'ring-write' : 'ring-write-failed'
      const client = acting?.clientId
      const actor = client === undefined ? process : { ...process, client }
      const head = await log.append({ kind, at, actor, ...(failed !== undefined && { failed }), ...entry })
      return { log: await log.logId(), ...head }
    },
  }
}
