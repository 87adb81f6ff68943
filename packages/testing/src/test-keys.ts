import { randomUUID } from 'node:crypto'
import type { AlgorithmName, JwkSetDocument, PublishedJwk, SigningKey } from '@keyturn/core'
import { generateSigningPair, type KeyPair, localSigningKey, publishedJwk } from '@keyturn/keyring'
import type { KeySets } from './endpoint-faults.ts'

/** The keys of an issuer for tests: they turn when a test says so, and no schedule stands behind them. */
export class TestKeys implements KeySets {
  readonly #algorithm: AlgorithmName
  readonly #nowSeconds: () => number
  readonly #ring = randomUUID()
  #active: KeyPair
  #next: KeyPair
  #retired: readonly PublishedJwk[] = []
  #version = 1
  #previous: JwkSetDocument | undefined

  private constructor(
    algorithm: AlgorithmName,
    nowSeconds: () => number,
    pairs: readonly [KeyPair, KeyPair],
  ) {
    this.#algorithm = algorithm
    this.#nowSeconds = nowSeconds
    this.#active = pairs[0]
    this.#next = pairs[1]
  }

  static async open(algorithm: AlgorithmName, nowSeconds: () => number): Promise<TestKeys> {
    const pairs = await Promise.all([generate(algorithm), generate(algorithm)])
    return new TestKeys(algorithm, nowSeconds, pairs)
  }

  /** What signs now. */
  get signingKey(): SigningKey {
    return localSigningKey(this.#active)
  }

  current(): JwkSetDocument {
    const retired = this.#retired.filter(({ exp = 0 }) => exp > this.#nowSeconds())
    return this.#document([...retired, publishedJwk(this.#active), publishedJwk(this.#next)])
  }

  previous(): JwkSetDocument {
    return this.#previous ?? this.#document(this.current().keys, this.#version - 1)
  }

  leaked(): JwkSetDocument {
    const keys = [this.#active, this.#next].map((pair) => ({
      ...pair.privateKey.export({ format: 'jwk' }),
      ...publishedJwk(pair),
    }))
    return { ...this.current(), keys }
  }

  async rotate(graceSeconds: number): Promise<void> {
    const spare = await generate(this.#algorithm)
    this.#change(() => {
      this.#retired = [...this.#retired, publishedJwk(this.#active, this.#nowSeconds() + graceSeconds)]
      this.#active = this.#next
      this.#next = spare
    })
  }

  async revoke(kid: string): Promise<void> {
    const spare = await generate(this.#algorithm)
    this.#change(() => {
      this.#retired = this.#retired.filter((key) => key.kid !== kid)
      if (kid === this.#active.kid) this.#active = this.#next
      else if (kid !== this.#next.kid) return
      this.#next = spare
    })
  }

  #change(make: () => void): void {
    this.#previous = this.current()
    make()
    this.#version += 1
  }

  #document(keys: readonly PublishedJwk[], version = this.#version): JwkSetDocument {
    return { keys, keyturn: { ring: this.#ring, version } }
  }
}

function generate(algorithm: AlgorithmName): Promise<KeyPair> {
  return generateSigningPair({ algorithm, rsaBits: 2048 })
}
