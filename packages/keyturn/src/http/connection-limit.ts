/** Open files that the ring, the state, the database and the log may need, whoever connects. */
const RESERVED = 128
const LISTENERS = 2
const LEAST = 16

/**
 * How many connections a listener may hold, of the files that the system lets this process have open: who takes them all would
 * keep it from reading its ring. `undefined` where the system says nothing.
 */
export function connectionLimit(openFiles = openFileLimit()): number | undefined {
  if (openFiles === undefined) return undefined
  return Math.max(LEAST, Math.floor((openFiles - RESERVED) / LISTENERS))
}

/** What `ulimit -n` says; `undefined` where there is no limit, or no such thing. */
function openFileLimit(): number | undefined {
  const report: typeof process.report & { excludeNetwork?: boolean } = process.report
  const { excludeNetwork = false } = report
  // names of peers would be looked up
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  report.excludeNetwork = excludeNetwork
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}
