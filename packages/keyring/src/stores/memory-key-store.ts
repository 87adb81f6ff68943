import type { KeyRing } from '../ring.ts'
import { type KeyStore, type SaveOptions, StoreConflict, type StoreWatcher } from './key-store.ts'

/**
 * Keeps the ring in memory: for tests, and for authorities whose tokens need not outlive a restart. Several managers may
 * share one.
 */
export class MemoryKeyStore implements KeyStore {
  readonly sharesClock = true
  readonly pollMs = 0
  #ring: KeyRing | undefined
  readonly #watchers = new Set<StoreWatcher>()

  async load(): Promise<KeyRing | undefined> {
    return this.#ring
  }

  async save(
    ring: KeyRing,
    expectedGeneration: number,
    { overAnyRing = false }: SaveOptions = {},
  ): Promise<void> {
    if ((this.#ring?.generation ?? 0) !== expectedGeneration) throw new StoreConflict()
    if (!overAnyRing && this.#ring !== undefined && this.#ring.ringId !== ring.ringId)
      throw new StoreConflict()
    this.#ring = ring
    // afterwards, as any other store would: the writer knows its own ring by then
    for (const watcher of this.#watchers) {
      setImmediate(() => this.#watchers.has(watcher) && watcher.onChange(ring))
    }
  }

  watch(watcher: StoreWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }
}
