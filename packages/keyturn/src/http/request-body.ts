import type { z } from 'zod'
import { HttpRefusal } from './problem.ts'

/**
 * Holds a JSON body to a shape. Names the member that is wrong and what was expected, never what came; a name of the caller's
 * own is not repeated.
 *
 * @param expected - What to say of each member.
 * @throws {HttpRefusal} `request_invalid`
 */
export function parseBody<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  expected: Readonly<Record<keyof Shape, string>>,
  body: unknown,
): z.output<z.ZodObject<Shape>> {
  const { success, data, error } = schema.safeParse(body)
  if (success) return data
  const [issue] = error.issues
  const [member] = issue?.path ?? []
  throw new HttpRefusal(400, 'request_invalid', describe(issue?.code, member, expected))
}

function describe(code: string | undefined, member: unknown, expected: object): string {
  if (code === 'unrecognized_keys') return `expected no members but ${Object.keys(expected).join(', ')}`
  if (typeof member !== 'string' || !Object.hasOwn(expected, member)) return 'expected a JSON object'
  return `${member}: ${expected[member as keyof typeof expected]}`
}
