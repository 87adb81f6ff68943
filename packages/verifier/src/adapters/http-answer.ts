import { type BearerRefusal, INTERNAL_ERROR } from '../access/bearer.ts'

/** What goes back to who is not let through: `application/problem+json` (RFC 9457), the same from every adapter. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function answerTo({ status, code, detail, headers }: BearerRefusal): HttpAnswer {
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: JSON.stringify({ status, code, detail }),
  }
}

/** To a request whose own handler failed. */
export const BUG_ANSWER: HttpAnswer = answerTo(INTERNAL_ERROR)

/** All values of `Authorization`: `headers` would hide all but the first. */
export function authorizationOf(request: { readonly rawHeaders: readonly string[] }): readonly string[] {
  const { rawHeaders } = request
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'authorization')
}

/** A bug is nobody's to swallow: it ends as it would without us. */
export function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
