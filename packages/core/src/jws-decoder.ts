import { decodeUtf8 } from './json.ts'
import type { CompactJws } from './jws.ts'

/** What the payload and the signature of a compact JWS stand for. */
export interface DecodedJws {
  /** The payload; `undefined` where it is no UTF-8. */
  readonly text: string | undefined
  readonly signature: Uint8Array
}

/** Stands for itself, or for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'

/**
 * Decodes one token after the other into the same memory: new memory, and a new view of it, for every token cost more than to decode
 * it. It sees by the way whether payload and signature are the one spelling of their bytes, which costs less than a look at every
 * character (docs/performance.md).
 */
export class JwsDecoder {
  #memory = new ArrayBuffer(0)
  #bytes = Buffer.from(this.#memory)
  /** Signatures of one key are of one length, and so is the view of them. */
  #signature = new Uint8Array(this.#memory)
  #last: { readonly jws: CompactJws; readonly decoded: DecodedJws } | undefined

  /**
   * Good until the next call; costs nothing for the JWS of the last one. `undefined` unless payload and signature are the one spelling
   * of some bytes. Takes memory for the longest part, so bound its length.
   */
  decode(jws: CompactJws): DecodedJws | undefined {
    if (this.#last?.jws === jws) return this.#last.decoded
    // before anything is written over
    this.#last = undefined
    const payloadBytes = this.#write(jws.payload)
    if (payloadBytes === undefined) return undefined
    const text = this.#textOf(payloadBytes)
    const signatureBytes = this.#write(jws.signature)
    if (signatureBytes === undefined) return undefined
    if (this.#signature.length !== signatureBytes) {
      this.#signature = new Uint8Array(this.#memory, 0, signatureBytes)
    }
    const decoded = { text, signature: this.#signature }
    this.#last = { jws, decoded }
    return decoded
  }

  /** How many bytes a part has; `undefined` unless it is their one spelling. */
  #write(part: string): number | undefined {
    // no more bytes than characters
    if (part.length > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(part.length)
      this.#bytes = Buffer.from(this.#memory)
      this.#signature = new Uint8Array(this.#memory, 0, 0)
    }
    const written = this.#bytes.write(part, 'base64url')
    return written > 0 && this.#bytes.toString('base64url', 0, written) === part ? written : undefined
  }

  #textOf(length: number): string | undefined {
    const text = this.#bytes.toString('utf8', 0, length)
    return text.includes(REPLACEMENT) ? decodeUtf8(this.#bytes.subarray(0, length)) : text
  }
}
