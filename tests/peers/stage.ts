import { generateKeyPairSync } from 'node:crypto'
import type { PublishedJwk } from '@keyturn/core'
import { type FakeClock, fakeClock } from '@keyturn/testing'
import { createVerifier, type Verifier, type VerifierOptions } from '@keyturn/verifier'
import { vi } from 'vitest'
import { CLAIMS } from '../../bench/contenders/contender.ts'
import { CLIENTS } from '../../bench/new-kid/clients.ts'
import { headerOf, type Signer, signerOf, signText } from '../differential/signers.ts'
import { type HostileEndpoint, hostileEndpoint } from './hostile-endpoint.ts'

/** Who verifies, by the key set of a stage. */
export interface Contestant {
  verify(token: string): Promise<unknown>
}

/** One endpoint of hostile habits, a peer and we in front of it, and a time that both live in. */
export interface Stage {
  readonly endpoint: HostileEndpoint
  /** A peer as its own documents have it, by its name in the bench. */
  peer(name: string): Contestant
  /** Ours, with its defaults but for what is said. */
  ours(options?: Partial<VerifierOptions>): Contestant
  /** So many seconds pass. */
  pass(seconds: number): Promise<void>
  end(): Promise<void>
}

/** Keys that are made once: the issuer's, in the order in which it publishes them. */
export const SIGNERS: readonly Signer[] = Array.from({ length: 4 }, makeSigner)
export const [OLD, NEW] = SIGNERS as readonly [Signer, Signer]
export const KEYS: readonly PublishedJwk[] = SIGNERS.map(({ jwk }) => jwk)

export async function openStage(): Promise<Stage> {
  // only what is the time of day: what the network waits for goes on
  vi.useFakeTimers({ toFake: ['Date'] })
  const clock: FakeClock = fakeClock(Date.now())
  const endpoint = await hostileEndpoint()
  const closing: (() => void)[] = []
  return {
    endpoint,
    peer(name) {
      const client = CLIENTS.find((it) => it.name === name)?.open(endpoint.url)
      if (client === undefined) throw new Error(`expected a peer, not ${name}`)
      closing.push(() => client.close?.())
      return client
    },
    ours(options) {
      const { iss: issuer, aud: audience } = CLAIMS
      const verifier: Verifier = createVerifier({
        issuer,
        audience,
        jwksUrl: endpoint.url.href,
        clock,
        ...options,
      })
      closing.push(() => verifier.close())
      return verifier
    },
    async pass(seconds) {
      vi.setSystemTime(Date.now() + seconds * 1000)
      await clock.advance(seconds * 1000)
    },
    async end() {
      for (const close of closing) close()
      await endpoint.stop()
      vi.useRealTimers()
    },
  }
}

/** A token for two days, of a signer; by the name of another kid, if so. */
export function tokenOf(signer: Signer, kid = signer.jwk.kid): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { ...CLAIMS, iat, exp: iat + 48 * 3600 }
  return signText(signer, JSON.stringify({ ...headerOf(signer), kid }), JSON.stringify(claims))
}

/** What a verification came to. */
export async function outcomeOf(client: Contestant, token: string): Promise<'accepted' | 'refused'> {
  try {
    await client.verify(token)
    return 'accepted'
  } catch {
    return 'refused'
  }
}

/**
 * What became of a key that has left the set and of the one that has come: once a refresh that is on its way has arrived, for which 25
 * seconds of the stage are long.
 */
export async function outcomesOfTurn(stage: Stage, client: Contestant, old: string): Promise<string> {
  for (let turn = 0; turn < 25 && (await outcomeOf(client, old)) === 'accepted'; turn++) {
    await stage.pass(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return `old ${await outcomeOf(client, old)}, new ${await outcomeOf(client, tokenOf(NEW))}`
}

/** How many of some tokens are accepted, one after the other. */
export async function acceptedOf(client: Contestant, tokens: readonly string[]): Promise<number> {
  let accepted = 0
  for (const token of tokens) if ((await outcomeOf(client, token)) === 'accepted') accepted++
  return accepted
}

function makeSigner(): Signer {
  return signerOf('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
}
