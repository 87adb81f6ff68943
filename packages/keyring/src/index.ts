export type { AuditEntry, AuditTrail, Errand, FailedWrite } from './audit-trail.ts'
export { checkBackup, readBackup, writeBackup } from './backup-file.ts'
export type { KeyringEvent } from './events.ts'
export { type Failure, FailureStreak } from './failure-streak.ts'
export { type KeyDocumentOptions, MAX_KEY_DOCUMENT_BYTES, readKeyPair } from './key-document.ts'
export type { KeyImport } from './key-import.ts'
export {
  type GenerateKeyPair,
  generateSigningPair,
  type KeyPair,
  localSigningKey,
  publishedJwk,
} from './key-pair.ts'
export { type KeyOrigin, type KeyRecord, type KeyState, stateOf } from './key-record.ts'
export type { KeyringHealth } from './keyring-health.ts'
export { KeyManager } from './manager.ts'
export type { KeyManagerOptions } from './manager-options.ts'
export type { Rotation, RotationUrgency } from './manual-rotation.ts'
export { knownEverywhereAt, type RestoreOptions, restoreRing } from './restoration.ts'
export type { RevocationOptions, RevocationOutcome } from './revocation.ts'
export {
  type AuditMark,
  activeKey,
  type BackupMark,
  type Exposure,
  effectiveNow,
  findKey,
  type KeyRing,
} from './ring.ts'
export { changesBetween, type RingChange } from './ring-changes.ts'
export { SignedKeySet, type SignedKeySetOptions } from './signed-key-set.ts'
export { FileKeyStore, type FileKeyStoreOptions } from './stores/file-key-store.ts'
export {
  type BeginningTerms,
  GENERATIONS_KEPT,
  type KeyStore,
  RingCorrupt,
  RingUnopened,
  type SaveOptions,
  StoreConflict,
  type StoreWatcher,
} from './stores/key-store.ts'
export { MemoryKeyStore } from './stores/memory-key-store.ts'
export type { RingSealer, Sealing } from './stores/ring-sealer.ts'
export { type ClockReading, clockAhead } from './stores/store-clock.ts'
export {
  DEFAULT_POLICY,
  DEFAULT_TIMING,
  exposureOf,
  graceOf,
  type KeyPolicy,
  leadOf,
  type PolicyViolation,
  policyViolations,
  type Timing,
} from './timing.ts'
export type { Tombstone } from './tombstones.ts'
