/** A thumbprint in base64url; one in 64 begins with a dash. */
const KID_LIKE_AN_OPTION = /^-[\w-]{42}$/

/**
 * Moves a kid that looks like an option behind `--`, so that it is taken for the argument that it is. An operator in a hurry
 * must not have to know of this.
 */
export function withKidAsArgument(argv: readonly string[]): string[] {
  if (argv.includes('--')) return [...argv]
  const kids = argv.filter((argument) => KID_LIKE_AN_OPTION.test(argument))
  return kids.length === 0
    ? [...argv]
    : [...argv.filter((argument) => !kids.includes(argument)), '--', ...kids]
}
