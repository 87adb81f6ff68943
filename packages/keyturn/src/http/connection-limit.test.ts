import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { connectionLimit } from './connection-limit.ts'

describe('connections of a listener (R53)', () => {
  it.each([
    [1024, 448],
    [65_536, 32_704],
    [129, 16],
    [20, 16],
  ])('leave files for what matters more: of %i', (openFiles, connections) => {
    expect(connectionLimit(openFiles)).toBe(connections)
  })

  it('are limited by what the system says', () => {
    const path = new URL('./connection-limit.ts', import.meta.url).href
    const program = `import { connectionLimit } from '${path}'; console.log(connectionLimit())`
    const script = `ulimit -n 512; exec "$0" --input-type=module -e "$1"`
    const said = execFileSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' })
    expect(Number(said)).toBe(192)
  })
})
