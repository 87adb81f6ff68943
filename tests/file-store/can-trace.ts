import { execFileSync } from 'node:child_process'

/**
 * Whether strace works here. Where it does not, says which tests are skipped for want of it; in CI they are not skipped, and
 * fail.
 */
export function canTrace(what: string): boolean {
  try {
    execFileSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    if (process.env.CI === 'true') return true
    console.warn(`SKIPPED: ${what}, for want of strace`)
    return false
  }
}
