import { KeyturnError, TokenRejected } from '@keyturn/core'
import { createVerifier, optionsFromEnv, type Verifier } from '@keyturn/verifier'
import { Command } from 'commander'
import { inspectToken, LONGEST_INPUT } from './inspect-token.ts'
import { print, say } from './output.ts'
import { readAtMost } from './read-at-most.ts'

/** `keyturn token`: looks at tokens as a service does. */
export function tokenCommands(): Command {
  const token = new Command('token').description('tokens')
  token.addCommand(verifyCommand())
  token.addCommand(inspectCommand())
  return token
}

interface VerifyFlags {
  readonly jwks?: string
  readonly issuer?: string
  readonly audience?: string
  readonly algorithms?: string
  readonly unsafeHttp?: true
}

function verifyCommand(): Command {
  return new Command('verify')
    .argument('<token>', 'the token, or - to read it from stdin')
    .option('--issuer <issuer>', 'what iss must be (KEYTURN_ISSUER)')
    .option('--audience <audience>', 'what aud must contain (KEYTURN_AUDIENCE)')
    .option('--jwks <url>', 'where the key set is (KEYTURN_JWKS_URL; default: below the issuer)')
    .option('--algorithms <names>', 'algorithms that may occur, with commas (KEYTURN_ALGORITHMS)')
    .option('--unsafe-http', 'accept a key set over plain http from another machine')
    .description(
      'verify a token as a service would; exit code 3 when it is refused, 4 when the keys cannot be had',
    )
    .action(async (argument: string, flags: VerifyFlags, command: Command) => {
      const verifier = openVerifier(flags)
      try {
        const token = await verifier.verify(await takeToken(argument)).catch((error: unknown) => {
          throw error instanceof TokenRejected ? withConfigured(error, flags) : error
        })
        const { header, claims } = token
        print(command, { valid: true, header, claims }, `valid\n${JSON.stringify(claims, null, 2)}`)
      } finally {
        verifier.close()
      }
    })
}

function inspectCommand(): Command {
  return new Command('inspect')
    .argument('<token>', 'the token, or - to read it from stdin')
    .description('show what a token says, without checking any of it')
    .action(async (argument: string, _flags: unknown, command: Command) => {
      const { header, payload } = inspectToken(await takeToken(argument))
      print(command, { verified: false, header, payload }, JSON.stringify({ header, payload }, null, 2))
      say('not verified: anyone can have written this')
    })
}

const VARIABLE_BY_FLAG = Object.freeze({
  issuer: 'KEYTURN_ISSUER',
  audience: 'KEYTURN_AUDIENCE',
  jwks: 'KEYTURN_JWKS_URL',
  algorithms: 'KEYTURN_ALGORITHMS',
  unsafeHttp: 'KEYTURN_VERIFIER_UNSAFE_HTTP',
}) satisfies Record<keyof VerifyFlags, string>

/** What is wrong with a flag is said of the flag, and not of the variable that it stands for. */
function openVerifier(flags: VerifyFlags): Verifier {
  const given = (Object.keys(flags) as (keyof VerifyFlags)[]).filter((name) => name in VARIABLE_BY_FLAG)
  const variables = given.map((name) => [VARIABLE_BY_FLAG[name], String(flags[name])])
  try {
    return createVerifier(optionsFromEnv({ ...process.env, ...Object.fromEntries(variables) }))
  } catch (error) {
    if (!(error instanceof KeyturnError)) throw error
    const { code, message, remedy, cause } = error
    const flag = given.find((name) => message.startsWith(`${VARIABLE_BY_FLAG[name]}: `))
    if (flag === undefined) throw error
    const named = message.replace(VARIABLE_BY_FLAG[flag], `--${flag}`)
    throw new KeyturnError(code, named, { cause, ...(remedy !== undefined && { remedy }) })
  }
}

/** The caller knows what was configured, and may know it only from elsewhere; the token is shown to whoever asks for it. */
function withConfigured(error: TokenRejected, { issuer, audience }: VerifyFlags): TokenRejected {
  const { KEYTURN_ISSUER, KEYTURN_AUDIENCE } = process.env
  const expected = new Map([
    ['issuer_mismatch', issuer ?? KEYTURN_ISSUER],
    ['audience_mismatch', audience ?? KEYTURN_AUDIENCE],
  ]).get(error.code)
  if (expected === undefined) return error
  const remedy = `that is ${expected}; to see what the token says: keyturn token inspect -`
  return new TokenRejected(error.code, { remedy, cause: error })
}

async function takeToken(argument: string): Promise<string> {
  if (argument !== '-') return argument
  if (process.stdin.isTTY) throw noToken()
  const input = await readAtMost(LONGEST_INPUT, process.stdin)
  if (input === undefined) throw new TokenRejected('token_too_long')
  const token = input.toString().trim()
  if (token === '') throw noToken()
  return token
}

function noToken(): KeyturnError {
  return new KeyturnError('token_missing', 'expected a token on stdin', {
    remedy: 'give it as the argument, or pipe it in',
  })
}
