/** Takes the place of the test runner's own listeners for as long as an uncaught error is the subject. */
export async function withUncaught<T>(action: () => Promise<T>): Promise<{ answer: T; uncaught: unknown }> {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve))
    return { answer: await action(), uncaught: await uncaught }
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
}
