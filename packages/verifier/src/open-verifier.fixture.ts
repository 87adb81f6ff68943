import { fakeClock, testIssuer } from '@keyturn/testing'
import { afterEach } from 'vitest'
import type { VerifierEvent } from './events.ts'
import { createVerifier, type Verifier } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

const opened: Verifier[] = []
afterEach(() => {
  for (const verifier of opened.splice(0)) verifier.close()
})

/** Ends a verifier with the test that made it. */
export function closeAfterwards(verifier: Verifier): void {
  opened.push(verifier)
}

/** A verifier with an issuer of its own, on a clock that stands still. It refreshes and retries as late as it may. */
export async function openVerifier(options: Partial<VerifierOptions> = {}, cacheControl?: string) {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock, ...(cacheControl === undefined ? {} : { cacheControl }) })
  const events: VerifierEvent[] = []
  const { endpoint } = issuer
  const verifier = createVerifier({
    ...issuer.verifierOptions,
    random: () => 1,
    onEvent: (event) => events.push(event),
    ...options,
  })
  closeAfterwards(verifier)
  return { clock, issuer, endpoint, verifier, events }
}
