import { hasExactNumbers } from './exact-number.ts'

/** A JSON object as it came from outside: nothing is known of its members. */
export type JsonObject = { readonly [member: string]: unknown }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** With the flag `u`, a pair of surrogates is one character, and of another category. */
const LONE_SURROGATE = /\p{Cs}/u

/**
 * Parses a JSON object out of bytes that anyone may have chosen. `undefined` unless the bytes are UTF-8 without BOM, the
 * text is one JSON object, each top-level member occurs once, none is named `__proto__`, and nesting stays within
 * `maxDepth` (the object itself counts 1). It has no member but its own, whatever was assigned to every object of the process, as
 * by merging JSON: who can define members that do not show has the process anyway.
 */
export function parseJsonObject(bytes: Uint8Array, maxDepth: number): JsonObject | undefined {
  const text = decodeUtf8(bytes)
  return text === undefined ? undefined : parseJsonText(text, maxDepth)
}

/** As {@link parseJsonObject}, of text that is decoded already. */
export function parseJsonText(text: string, maxDepth: number): JsonObject | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value) || Object.hasOwn(value, '__proto__')) return undefined
  const shape = measure(text)
  const eachMemberOnce = shape.topLevelMembers === Object.keys(value).length
  return eachMemberOnce && shape.depth <= maxDepth ? uninherited(value) : undefined
}

/** The text that bytes stand for, a byte order mark included; `undefined` where they are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Parses a JSON object that a caller sends us, as I-JSON has it (RFC 7493): what {@link parseJsonObject} asks of the top level
 * holds at every level, and there is neither a lone surrogate nor a number that a double rounds. What is signed later is
 * then what was sent. `undefined` for anything else.
 */
export function parseIJsonObject(bytes: Uint8Array, maxDepth: number): JsonObject | undefined {
  const text = decodeUtf8(bytes)
  if (text === undefined) return undefined
  const value = parseJsonText(text, maxDepth)
  if (value === undefined || measure(text).members !== countMembers(value)) return undefined
  return hasExactNumbers(text) ? value : undefined
}

/** Says whether a value is an object in the sense of JSON: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Says whether a value is an array of strings. */
export function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Freezes a value that came from JSON, and all that it holds. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    // neither isFrozen nor values: either takes as long as it took to parse
    for (const member in value) deepFreeze(value[member])
  }
  return value
}

/** Always without a prototype would cost a third of the parsing, for processes in which somebody has polluted it. */
function uninherited(value: JsonObject): JsonObject {
  return Object.keys(Object.prototype).length === 0 ? value : Object.setPrototypeOf(value, null)
}

/** Members at every level; not a number as soon as something is no I-JSON. The depth of the value is bounded. */
function countMembers(value: unknown): number {
  if (typeof value === 'string') return LONE_SURROGATE.test(value) ? Number.NaN : 0
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + countMembers(item), 0)
  return Object.entries(value ?? {}).reduce(
    (sum, [name, member]) =>
      name === '__proto__' ? Number.NaN : sum + 1 + countMembers(name) + countMembers(member),
    0,
  )
}

/**
 * `JSON.parse` keeps the last of two members of one name without a word, so the members are counted in the text: in
 * valid JSON every member has exactly one colon outside strings, those of the top level at depth 1.
 */
function measure(text: string): { topLevelMembers: number; members: number; depth: number } {
  let depth = 0
  let deepest = 0
  let topLevelMembers = 0
  let members = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > deepest) deepest = depth
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x3a: // :
        members++
        if (depth === 1) topLevelMembers++
    }
  }
  return { topLevelMembers, members, depth: deepest }
}

/** Looked for by quotes, which the engine finds faster than any loop of ours. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

/** After backslashes of an odd number; the rest of them escape each other. */
function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text.charCodeAt(first - 1) === 0x5c) first--
  return (at - first) % 2 === 1
}
