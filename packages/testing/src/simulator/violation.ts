/** A promise of the design: one of its twelve invariants, or a requirement that no invariant says. */
export type PromiseId =
  | `invariant-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12}`
  | `promise-${'R5' | 'R8' | 'R9' | 'R13'}`

/** A promise that did not hold. */
export interface Violation {
  readonly id: PromiseId
  /** Who, which key, and what is wrong with it. */
  readonly message: string
}

/** Says that a promise does not hold. */
export function violation(id: PromiseId, message: string): Violation {
  return { id, message }
}
