import type { CompactJws } from './jws.ts'

/** What the parts of a compact JWS stand for. */
export interface DecodedJws {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** The very characters that were signed, a byte each. */
  readonly signingInput: Uint8Array
}

/**
 * Decodes one token after the other into the same memory: new memory for every token costs more than to decode it. It sees by the
 * way whether payload and signature are the one spelling of their bytes, which costs less than a look at every character
 * (docs/performance.md).
 */
export class JwsDecoder {
  #memory = new ArrayBuffer(0)
  #bytes = Buffer.from(this.#memory)
  #last: { readonly jws: CompactJws; readonly decoded: DecodedJws } | undefined

  /**
   * Good until the next call; costs nothing for the JWS of the last one. `undefined` unless payload and signature are the one spelling
   * of some bytes. Takes memory for the longest text, so bound its length.
   */
  decode(jws: CompactJws): DecodedJws | undefined {
    if (this.#last?.jws === jws) return this.#last.decoded
    // before anything is written over
    this.#last = undefined
    this.#reserve(jws.payload.length + jws.signature.length + jws.signingInput.length)
    const payloadEnd = this.#decodePart(jws.payload, 0)
    const signatureEnd = payloadEnd && this.#decodePart(jws.signature, payloadEnd)
    if (payloadEnd === undefined || signatureEnd === undefined) return undefined
    const inputBytes = this.#bytes.write(jws.signingInput, signatureEnd, 'latin1')
    const decoded = {
      // not parts of the Buffer, which take longer to make
      payload: new Uint8Array(this.#memory, 0, payloadEnd),
      signature: new Uint8Array(this.#memory, payloadEnd, signatureEnd - payloadEnd),
      signingInput: new Uint8Array(this.#memory, signatureEnd, inputBytes),
    }
    this.#last = { jws, decoded }
    return decoded
  }

  /** No encoding has more bytes than characters. */
  #reserve(characters: number): void {
    if (characters <= this.#memory.byteLength) return
    this.#memory = new ArrayBuffer(characters)
    this.#bytes = Buffer.from(this.#memory)
  }

  /** Where its bytes end; `undefined` unless the text is their one spelling. */
  #decodePart(text: string, start: number): number | undefined {
    const end = start + this.#bytes.write(text, start, 'base64url')
    return end > start && this.#bytes.toString('base64url', start, end) === text ? end : undefined
  }
}
