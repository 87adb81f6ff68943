/** Which methods a path answers to: tells a wrong method from a wrong path (RFC 9110, section 15.5.6). */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>()

  /** Takes a route in, with its parameters as `:name`. */
  add(pattern: string, methods: string | readonly string[]): void {
    const known = this.#methods.get(pattern) ?? new Set()
    for (const method of [methods].flat()) known.add(method)
    this.#methods.set(pattern, known)
  }

  /** The methods of every route that matches the target of a request, sorted; none where there is nothing. */
  methodsAt(target: string): readonly string[] {
    const [path = ''] = target.split('?')
    const matching = [...this.#methods].filter(([pattern]) => matches(pattern, path))
    return [...new Set(matching.flatMap(([, methods]) => [...methods]))].sort()
  }
}

function matches(pattern: string, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')]
  return (
    expected.length === given.length &&
    expected.every((part, i) => (part.startsWith(':') ? given[i] !== '' : given[i] === part))
  )
}
