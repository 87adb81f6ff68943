import { decodeUtf8 } from './json.ts'

/** Stands for itself, or for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'

/**
 * Decodes base64url into memory that each call writes over: new memory for every token, and a new view of it, cost more than to decode
 * it (docs/performance.md). Grows to the longest text, so bound its length.
 *
 * @example
 * const signature = scratch.bytesOf(jws.signature) // good until the next call
 */
export class Scratch {
  #memory = new ArrayBuffer(0)
  #bytes = Buffer.from(this.#memory)
  /** Of the length of the last one: signatures of one key have all the same. */
  #view = new Uint8Array(this.#memory)

  /** The bytes that a text stands for. */
  bytesOf(encoded: string): Uint8Array {
    const length = this.#write(encoded)
    if (this.#view.length !== length) this.#view = new Uint8Array(this.#memory, 0, length)
    return this.#view
  }

  /** The UTF-8 that a text stands for; `undefined` where it stands for other bytes. */
  textOf(encoded: string): string | undefined {
    const length = this.#write(encoded)
    const text = this.#bytes.toString('utf8', 0, length)
    return text.includes(REPLACEMENT) ? decodeUtf8(this.#bytes.subarray(0, length)) : text
  }

  /** Says how many bytes it has written. */
  #write(encoded: string): number {
    // no more bytes than characters
    if (encoded.length > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(encoded.length)
      this.#bytes = Buffer.from(this.#memory)
      this.#view = new Uint8Array(this.#memory, 0, 0)
    }
    return this.#bytes.write(encoded, 'base64url')
  }
}
