import { randomUUID } from 'node:crypto'
import type { Clock } from '@keyturn/core'
import type { AuditTrail } from './audit-trail.ts'
import { saveAudited } from './audited-save.ts'
import { createRing } from './changes.ts'
import type { KeyringEvent } from './events.ts'
import type { GenerateKeyPair } from './key-pair.ts'
import type { KeyRing } from './ring.ts'
import { type KeyStore, StoreConflict } from './stores/key-store.ts'
import { storeNow } from './stores/store-clock.ts'
import type { KeyPolicy } from './timing.ts'

/** With what a ring is made and kept. */
export interface RingSurroundings {
  readonly store: KeyStore
  readonly policy: KeyPolicy
  readonly clock: Clock
  readonly generate: GenerateKeyPair
  readonly audit: AuditTrail
  readonly onEvent: (event: KeyringEvent) => void
}

/** Makes the first ring of an installation; of several who do so at once all get the one that came first. */
export async function createAndSave(options: RingSurroundings): Promise<KeyRing> {
  const { store, policy, generate, onEvent } = options
  const [first, spare] = await Promise.all([generate(policy), generate(policy)])
  const ring = createRing(randomUUID(), { first, spare }, policy, storeNow(options))
  try {
    const { saved } = await saveAudited(options, ring, { before: undefined })
    onEvent({ kind: 'ring-created', activeKid: first.kid, nextKid: spare.kid })
    return saved
  } catch (error) {
    const theirs = error instanceof StoreConflict ? await store.load() : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}
