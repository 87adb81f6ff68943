import { type KeyStore, StoreConflict } from './stores/key-store.ts'
import { aheadOf } from './stores/store-clock.ts'

/** What of a store can fail. */
export type StoreOperation = 'read' | 'write' | 'watch'

/** The same store, which tells of every failure. That somebody else wrote first is none. */
export function reportingStore(
  store: KeyStore,
  onFailure: (operation: StoreOperation, error: unknown) => void,
): KeyStore {
  const reporting = async <T>(operation: StoreOperation, action: () => Promise<T>): Promise<T> => {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof StoreConflict)) onFailure(operation, error)
      throw error
    }
  }
  // every member of the port, so that the compiler misses none
  const complete: { readonly [Member in keyof Required<KeyStore>]: KeyStore[Member] } = {
    sharesClock: store.sharesClock,
    pollMs: store.pollMs,
    place: store.place,
    get clockAheadMs() {
      return aheadOf(store)
    },
    load: () => reporting('read', () => store.load()),
    save: (ring, expectedGeneration, options) =>
      reporting('write', () => store.save(ring, expectedGeneration, options)),
    setAside: store.setAside?.bind(store),
    inTurn: store.inTurn?.bind(store),
    close: store.close?.bind(store),
    watch: (watcher) =>
      store.watch({
        onLook: () => watcher.onLook?.(),
        onChange: (ring) => watcher.onChange(ring),
        onHealthy: () => watcher.onHealthy?.(),
        onError(error) {
          onFailure('watch', error)
          watcher.onError(error)
        },
      }),
  }
  // a member that is left out may be undefined, too: whoever asks for one cannot tell
  return complete as KeyStore
}
