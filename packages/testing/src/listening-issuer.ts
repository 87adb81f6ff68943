import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PublishedJwk } from '@keyturn/core'
import type { EndpointConduct } from './endpoint-conduct.ts'
import { listen } from './endpoint-server.ts'
import { metadataByPath, SERVED_PATHS } from './issuer-metadata.ts'
import { type KeySetForm, PLAIN_FORM } from './key-set-form.ts'

/** An issuer that can be asked from other processes. */
export interface ListeningIssuer extends AsyncDisposable {
  /** Of the plain key set. The rest is beside it, as an authority has it. */
  readonly url: string
  /** What a service takes to trust this issuer: `optionsFromEnv` reads it. With a root key that is the signed set, and its pin. */
  readonly env: ListeningEnv
  /** Breaks off what is open, and listens no more. */
  close(): Promise<void>
}

/** The variables of {@link ListeningIssuer.env}. */
export type ListeningEnv = Readonly<
  Record<'KEYTURN_ISSUER' | 'KEYTURN_AUDIENCE' | 'KEYTURN_JWKS_URL', string> & {
    KEYTURN_VERIFIER_ROOT_KEYS_FILE?: string
  }
>

/** A root key, and the set under it. */
export interface SignedPublication {
  readonly form: KeySetForm
  readonly rootKeys: { readonly keys: readonly PublishedJwk[] }
}

/** Who is to listen. */
export interface IssuerToServe {
  readonly issuer: string
  readonly audience: string
  readonly conduct: EndpointConduct
  readonly signed: SignedPublication | undefined
}

/** Serves the key set in its forms and the metadata, as an authority does. */
export async function listenAs(
  { issuer, audience, conduct, signed }: IssuerToServe,
  port: number,
): Promise<ListeningIssuer> {
  const keySets = new Map(SERVED_PATHS.plain.map((path) => [path, PLAIN_FORM]))
  if (signed !== undefined) for (const path of SERVED_PATHS.signed) keySets.set(path, signed.form)
  const documents = (url: string) => metadataByPath({ issuer, url, isSetSigned: signed !== undefined })
  const server = await listen(conduct, { keySets, documents }, port)
  const pins = signed && (await writePins(signed))
  const close = async () => {
    await server.close()
    await pins?.remove()
  }
  const [path] = signed === undefined ? SERVED_PATHS.plain : SERVED_PATHS.signed
  const env: ListeningEnv = {
    KEYTURN_ISSUER: issuer,
    KEYTURN_AUDIENCE: audience,
    KEYTURN_JWKS_URL: `${server.url}${path}`,
    ...(pins && { KEYTURN_VERIFIER_ROOT_KEYS_FILE: pins.file }),
  }
  return { url: `${server.url}${SERVED_PATHS.plain[0]}`, env, close, [Symbol.asyncDispose]: close }
}

/** A service reads its pins from a file. */
async function writePins({ rootKeys }: SignedPublication) {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-root-keys-'))
  const file = join(folder, 'roots.json')
  await writeFile(file, JSON.stringify(rootKeys))
  return { file, remove: () => rm(folder, { recursive: true, force: true }) }
}
