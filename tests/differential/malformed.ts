/** What is wrong with a header or payload that we call malformed; `undefined` for other refusals. */
export function causeOf(code: string, token: string): string | undefined {
  const part = ['header_malformed', 'payload_malformed'].indexOf(code)
  if (part === -1) return undefined
  const bytes = Buffer.from(token.split('.')[part] ?? '', 'base64url')
  const text = bytes.toString()
  if (!Buffer.from(text).equals(bytes)) return 'no UTF-8'
  if (text.startsWith('\ufeff')) return 'byte order mark'
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'no JSON object'
  if (Object.hasOwn(value, '__proto__')) return '__proto__'
  return depthOf(value) > (part === 0 ? 4 : 16) ? 'deep' : 'a member twice'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}
