import type { VerifierOptions } from '@keyturn/verifier'
import { type Contestant, openStage, type Stage } from './stage.ts'

/** A fault of a peer, and how to see it. */
export interface Fault {
  /** The row of docs/peers.md. */
  readonly name: string
  /** Shows both of us the same, and says what came of it in the words of that row. */
  measure(): Promise<Comparison>
}

/** What a peer does, and what we do in its place. */
export interface Comparison {
  readonly peer: string
  readonly ours: string
}

/** A scene that is played to a peer and then to us, each on a stage of its own. */
export function staged(
  name: string,
  openPeer: (stage: Stage) => Contestant,
  scene: (stage: Stage, client: Contestant) => Promise<string>,
  options?: Partial<VerifierOptions>,
): Fault {
  const play = async (open: (stage: Stage) => Contestant) => {
    const stage = await openStage()
    try {
      return await scene(stage, open(stage))
    } finally {
      await stage.end()
    }
  }
  return {
    name,
    measure: async () => ({
      peer: await play(openPeer),
      ours: await play((stage) => stage.ours(options)),
    }),
  }
}
