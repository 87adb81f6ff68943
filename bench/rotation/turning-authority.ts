import { DEFAULT_POLICY, type GenerateKeyPair, KeyManager, MemoryKeyStore } from '@keyturn/keyring'

const SIGNABLE = { ttlSeconds: 1, typ: 'at+jwt' }
const CLAIMS = { iss: 'https://auth.test', sub: 'u1', aud: 'orders', jti: 'j1', client_id: 'c1' }

/** Keys are gone soon, so that the set has room for the next one however fast they turn. */
const TIMING = {
  ...DEFAULT_POLICY.timing,
  storePollMs: 1,
  clockSkewMs: 0,
  clockToleranceMs: 0,
  graceSkewMs: 1,
  maxTtlMs: 1000,
}

/**
 * An authority whose keys are turned by force, so that one rotation follows the other without the lead in between. A rotation
 * is otherwise what it is in service: a pair with its self-test, two writes, and a new signer.
 */
export class TurningAuthority {
  readonly #keys: KeyManager
  rotations = 0

  private constructor(keys: KeyManager) {
    this.#keys = keys
  }

  static async open(generate: GenerateKeyPair): Promise<TurningAuthority> {
    const policy = { ...DEFAULT_POLICY, timing: TIMING }
    return new TurningAuthority(await KeyManager.open({ store: new MemoryKeyStore(), policy, generate }))
  }

  async sign(): Promise<string> {
    return await this.#keys.sign(CLAIMS, SIGNABLE)
  }

  /** Forces the spare to sign, and waits until it does and the spare after it is there. */
  async rotate(): Promise<void> {
    const { activeKid } = await this.#keys.rotate({ force: true })
    const isDone = () => this.#keys.ring().keys.at(-2)?.kid === activeKid && this.#keys.health().nextKeyReady
    while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1))
    this.rotations++
  }

  async close(): Promise<void> {
    await this.#keys.close()
  }
}
