import type { ClientRegistryOptions } from '../service/client-registry.ts'
import type { AuditLog } from './audit-log.ts'
import type { Actor } from './key-audit.ts'

/** Writes down what happens to clients, in the audit log. */
export function clientAudit(log: AuditLog, actor: Actor): ClientRegistryOptions['audit'] {
  return async ({ kind, at, client }) => {
    await log.append({ kind, at, actor, client })
  }
}
