import { readPage } from '../document.ts'

/** A peer, by the head of its column. */
export type Peer = 'jose' | 'fast-jwt'

/** What the page lists below a heading, as `code | peer` for each peer that does so: accepts what we refuse, or the other way round. */
export async function listedDifferences(
  heading: string,
  does: 'accepts' | 'refuses' = 'accepts',
): Promise<readonly string[]> {
  const { text } = await readPage('docs/differences.md')
  const section = text.split(/^## /m).find((it) => it.startsWith(heading))
  if (section === undefined) throw new Error(`expected a section ${heading}`)
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => {
    const [, code = '', , jose = '', fastJwt = ''] = row.split('|').map((cell) => cell.trim())
    const peers = { jose, 'fast-jwt': fastJwt } satisfies Record<Peer, string>
    const name = code.replaceAll('`', '')
    for (const cell of Object.values(peers)) {
      if (!/^(accepts|refuses)\b/.test(cell)) throw new Error(`${name}: expected accepts or refuses`)
    }
    return Object.entries(peers).flatMap(([peer, cell]) =>
      cell.startsWith(does) ? [`${name} | ${peer}`] : [],
    )
  })
}
