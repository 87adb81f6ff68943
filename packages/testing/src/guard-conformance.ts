import assert from 'node:assert/strict'
import { KeyturnError, type TokenClaims } from '@keyturn/core'
import {
  type BearerOptions,
  createMultiVerifier,
  createVerifier,
  type TokenVerifier,
  type Verifier,
  type VerifierOptions,
} from '@keyturn/verifier'
import { codeOf } from './code-of.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { ADMITTED_TOKENS, MALFORMED_HEADERS, REFUSED_TOKENS } from './guard-cases.ts'
import { type TestIssuer, testIssuer } from './test-issuer.ts'

/** One question to a guarded server. */
export interface GuardQuestion {
  /** Each value of `Authorization` is a header of its own. */
  readonly authorization: readonly string[]
  /** Begins with `?`. Default: none. */
  readonly query?: string
}

/** What came back. */
export interface GuardAnswer {
  /** 200, or 101 where a handshake was asked for. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Where the guard let the question pass: `userId` of the session, or else `clientId`. */
  readonly body: string
}

/** A real server behind the guard under test. */
export interface GuardedServer {
  ask(question: GuardQuestion): Promise<GuardAnswer>
  close(): Promise<void>
}

/** Starts a server behind the guard under test, which answers with who speaks. Rejects when the guard refuses its options. */
export type StartGuarded = (verifier: TokenVerifier, options: BearerOptions) => Promise<GuardedServer>

/** One fact that every guard must make true. Runs under any test framework. */
export interface GuardConformanceCase {
  readonly name: string
  run(start: StartGuarded): Promise<void>
}

/** A verifier asks again for its keys within this time. */
const LONGEST_RETRY_MS = 30_000

/**
 * What a guard must do, whatever framework it is for. The server is asked over loopback.
 *
 * @example
 * for (const { name, run } of guardConformance) it(name, () => run(startMyServer))
 */
export const guardConformance: readonly GuardConformanceCase[] = Object.freeze([
  ...ADMITTED_TOKENS.map(({ name, options, token, who }) =>
    fact(`lets ${name} pass, and says who that is`, options, async ({ issuer, server }) => {
      const { status, body } = await server.ask(bearing(await token(issuer)))
      assert.ok(status === 200 || status === 101, `expected 200 or 101, not ${status}`)
      assert.equal(body, who)
    }),
  ),

  fact('refuses every hostile token for what is wrong with it', {}, async ({ issuer, server }) => {
    for (const { token, codes } of await issuer.hostileTokens()) {
      assertProblem(await server.ask(bearing(token)), 401, String(codes[0]))
    }
  }),

  fact('asks whoever has no token, without an error', {}, async ({ issuer, server }) => {
    for (const authorization of [[], ['Basic eDp5']]) {
      const answer = await server.ask({ authorization })
      assertProblem(answer, 401, 'token_missing')
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="keyturn"')
    }
    const query = `?access_token=${await issuer.token()}`
    assertProblem(await server.ask({ authorization: [], query }), 401, 'token_missing')
  }),

  ...MALFORMED_HEADERS.map(({ name, headers }) =>
    fact(`calls ${name} malformed`, {}, async ({ issuer, server }) => {
      const answer = await server.ask({ authorization: headers(await issuer.token()) })
      assertProblem(answer, 400, 'authorization_malformed')
      assertChallenge(answer, 'invalid_request', 'authorization_malformed')
    }),
  ),

  ...REFUSED_TOKENS.map(({ name, options = {}, token, status, code }) =>
    fact(
      `refuses ${name} by its code, and repeats nothing of the token`,
      options,
      async ({ issuer, server }) => {
        const jwt = await token(issuer)
        const answer = await server.ask(bearing(jwt))
        assertProblem(answer, status, code)
        assertChallenge(answer, status === 401 ? 'invalid_token' : 'insufficient_scope', code, options.scopes)
        const text = JSON.stringify(answer.headers) + answer.body
        for (const part of [...jwt.split('.'), issuer.kid])
          assert.ok(!text.includes(part), 'the token is repeated')
      },
    ),
  ),

  fact(
    'says which scopes are asked for, in its own realm',
    { scopes: ['a', 'b'], realm: 'a "b"' },
    async (it) => {
      const { headers } = await it.server.ask(bearing(await it.issuer.token()))
      assert.equal(
        headers['www-authenticate'],
        'Bearer realm="a \\"b\\"", error="insufficient_scope", error_description="scope_missing", scope="a b"',
      )
    },
  ),

  fact(
    'is 503 with Retry-After while keys cannot be had, and works once they can',
    {},
    async ({ issuer, server, clock }) => {
      issuer.endpoint.fail()
      const answer = await server.ask(bearing(await issuer.token()))
      assertProblem(answer, 503, 'keys_unavailable')
      assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/)
      assert.equal(answer.headers['www-authenticate'], undefined)
      issuer.endpoint.recover()
      await clock.advance(LONGEST_RETRY_MS)
      assert.equal((await server.ask(bearing(await issuer.token({ sub: 'alice' })))).body, 'alice')
    },
  ),

  {
    name: 'answers 500 where the check of the verifier fails, says nothing of why, and goes on',
    run: (start) =>
      withIssuer(
        async (verifier, issuer) => {
          const server = await start(verifier, {})
          try {
            const { status, body } = await server.ask(bearing(await issuer.token({ sub: 'mallory' })))
            assert.equal(status, 500)
            assert.ok(!body.includes('mallory'), 'the claim is repeated')
            assert.equal((await server.ask(bearing(await issuer.token({ sub: 'alice' })))).body, 'alice')
          } finally {
            await server.close()
          }
        },
        { check: failAtMallory },
      ),
  },

  fact(
    'goes by its own rules, whatever was put into every object of the process',
    {},
    async ({ issuer, server }) => {
      const good = bearing(await issuer.token({ sub: 'alice' }))
      const expired = bearing(await issuer.expiredToken())
      const rules = {
        kinds: ['client'],
        scopes: ['none'],
        realm: 'other',
        requireVerified: true,
        roles: ['admin'],
      }
      const decisions = {
        token_expired: { status: 403, detail: 'other' },
        session: { userId: 'mallory' },
        refusal: { status: 200, code: 'other' },
        bearer: false,
      }
      const names = Object.entries({ ...rules, ...decisions })
      for (const [name, value] of names) {
        Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true })
      }
      try {
        assert.equal((await server.ask(good)).body, 'alice')
        const answer = await server.ask(expired)
        assertProblem(answer, 401, 'token_expired')
        assertChallenge(answer, 'invalid_token', 'token_expired')
      } finally {
        for (const [name] of names) Reflect.deleteProperty(Object.prototype, name)
      }
    },
  ),

  {
    name: 'takes tokens of several issuers, and says 503 for the one alone whose keys cannot be had',
    async run(start) {
      const issuers = await Promise.all([
        testIssuer({ issuer: 'https://staff.test' }),
        testIssuer({ issuer: 'https://customers.test' }),
      ])
      const [staff, customers] = issuers
      const verifier = createMultiVerifier(issuers.map(({ verifierOptions }) => verifierOptions))
      const server = await start(verifier, {})
      try {
        customers.endpoint.fail()
        assert.equal((await server.ask(bearing(await staff.token({ sub: 'alice' })))).body, 'alice')
        assertProblem(await server.ask(bearing(await customers.token())), 503, 'keys_unavailable')
        const claimed = await customers.token({ iss: staff.issuer })
        assertProblem(await server.ask(bearing(claimed)), 401, 'key_unknown')
      } finally {
        await server.close()
        verifier.close()
      }
    },
  },

  {
    name: 'refuses options that mean nothing, before it is asked',
    async run(start) {
      const wrong = [
        { scope: ['a'] },
        { scopes: 'a' },
        { scopes: ['a b'] },
        { kinds: ['users'] },
        { roles: ['root'] },
        { roles: [] },
        { requireVerified: 'no' },
        { realm: 'a\r\nb: c' },
      ]
      for (const options of wrong) {
        const started = withIssuer((verifier) => start(verifier, options as BearerOptions).then(mustNotStart))
        assert.equal(await codeOf(started), 'guard_options_invalid', JSON.stringify(options))
      }
    },
  },
])

interface Scene {
  readonly clock: FakeClock
  readonly issuer: TestIssuer
  readonly server: GuardedServer
}

function fact(
  name: string,
  options: BearerOptions,
  run: (scene: Scene) => Promise<void>,
): GuardConformanceCase {
  return {
    name,
    run: (start) =>
      withIssuer(async (verifier, issuer, clock) => {
        const server = await start(verifier, options)
        await run({ issuer, server, clock }).finally(() => server.close())
      }),
  }
}

async function withIssuer(
  run: (verifier: Verifier, issuer: TestIssuer, clock: FakeClock) => Promise<void>,
  options: Partial<VerifierOptions> = {},
): Promise<void> {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock })
  const verifier = createVerifier({ ...issuer.verifierOptions, ...options })
  await run(verifier, issuer, clock).finally(() => verifier.close())
}

function failAtMallory({ sub }: TokenClaims): boolean {
  if (sub === 'mallory') throw new RangeError('expected somebody else')
  return true
}

async function mustNotStart(server: GuardedServer): Promise<void> {
  await server.close()
  throw new KeyturnError('guard_started', 'expected the guard to refuse its options')
}

const bearing = (token: string): GuardQuestion => ({ authorization: [`Bearer ${token}`] })

function assertProblem({ status, headers, body }: GuardAnswer, expected: number, code: string): void {
  assert.equal(status, expected)
  assert.match(String(headers['content-type']), /^application\/problem\+json/)
  assert.equal(headers['cache-control'], 'no-store')
  const { detail, ...problem } = JSON.parse(body)
  assert.deepEqual(problem, { status, code })
  assert.match(detail, /./)
}

function assertChallenge(
  { headers }: GuardAnswer,
  error: string,
  code: string,
  scopes?: readonly string[],
): void {
  const parts = ['realm="keyturn"', `error="${error}"`, `error_description="${code}"`]
  if (scopes !== undefined) parts.push(`scope="${scopes.join(' ')}"`)
  assert.equal(headers['www-authenticate'], `Bearer ${parts.join(', ')}`)
}
