import type { KeyManager } from '@keyturn/keyring'
import type { AuditLog } from './audit-log.ts'
import { revokedKids } from './inspection.ts'

/**
 * Revokes again what the log knows to be revoked, and the ring does not: it came out of a backup, or the process that was to
 * revoke it was killed between the record and the write.
 *
 * @returns the kids
 */
export async function revokeAgain(keys: KeyManager, log: AuditLog): Promise<readonly string[]> {
  const revoked = revokedKids(await log.lines())
  const kids = keys.ring().keys.filter((key) => revoked.has(key.kid) && key.revokedAt === null)
  for (const { kid } of kids) await keys.revoke(kid, { reason: 'the audit log has it revoked' })
  return kids.map(({ kid }) => kid)
}
