import fc from 'fast-check'

/** A JSON object in writing: its members in order, repeats allowed. */
export type Members = readonly (readonly [name: string, json: string])[]

/** What may be done to an object that is going to be signed, or published. */
export type Change = (members: Members) => Members

export function membersOf(value: object): Members {
  return Object.entries(value).map(([name, it]) => [name, JSON.stringify(it)])
}

export function write(members: Members): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

/** The last value of a name that is there once, put in where it is not. */
export const set =
  (name: string, json: string): Change =>
  (members) => [...omit(name)(members), [name, json]]

export const omit =
  (name: string): Change =>
  (members) =>
    members.filter(([other]) => other !== name)

/** A second member of a name, behind all others or before them. */
export const repeat =
  (name: string, json: string): Change =>
  (members) => [...members, [name, json]]

export const precede =
  (name: string, json: string): Change =>
  (members) => [[name, json], ...members]

/** Values as JSON, for a choice among them. */
export const texts = (...values: readonly unknown[]) =>
  fc.constantFrom(...values.map((value) => JSON.stringify(value)))

const foreignValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((it) => JSON.stringify(it)),
  fc.constantFrom(...'null 0 -0 1e999 "" [] {} true "1800000600" 1800000600.5 18000006e2'.split(' ')),
)

/** A change of one of these members: mostly to one of these values, now and then to any other. */
export function changeOf(names: readonly string[], values: fc.Arbitrary<string>): fc.Arbitrary<Change> {
  const name = fc.constantFrom(...names)
  const value = fc.oneof(values, foreignValue)
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, value).map(([it, json]) => set(it, json)) },
    { weight: 2, arbitrary: name.map(omit) },
    { weight: 1, arbitrary: fc.tuple(name, value).map(([it, json]) => repeat(it, json)) },
    { weight: 1, arbitrary: fc.tuple(name, value).map(([it, json]) => precede(it, json)) },
  )
}
