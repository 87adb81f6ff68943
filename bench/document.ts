const BEGIN = '<!-- npm run bench -- --write: begin -->'
const END = '<!-- npm run bench -- --write: end -->'

/** A document with what stands between its two marks replaced. Throws when it has no marks. */
export function replaceMeasured(document: string, measured: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`expected a document with the lines ${BEGIN} and ${END}`)
  return `${document.slice(0, from + BEGIN.length)}\n\n${measured}\n\n${document.slice(to)}`
}
