/**
 * Memory for bytes that are looked at and let go: each call writes over what the one before has written. New memory for every token
 * costs more than to decode it (docs/performance.md).
 *
 * @example
 * const bytes = scratch.write(jws.payload, 'base64url') // good until the next call
 */
export class Scratch {
  #memory = new ArrayBuffer(0)
  #bytes = Buffer.from(this.#memory)

  /** The bytes that a text stands for. Grows to the longest text, so bound its length. */
  write(text: string, encoding: 'base64url' | 'latin1'): Uint8Array {
    // neither encoding has more bytes than characters
    if (text.length > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(text.length)
      this.#bytes = Buffer.from(this.#memory)
    }
    // not a part of the Buffer, which takes longer to make
    return new Uint8Array(this.#memory, 0, this.#bytes.write(text, encoding))
  }
}
