/** Strings of JSON, so that only numbers have digits outside of them. */
const STRINGS = /"(?:[^"\\]|\\.)*"/g
const NUMBERS = /-?\d[\d.eE+-]*/g
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

/** Whether each number of a JSON text is the one that it is written back as: a double holds some 16 digits, and `JSON.parse` rounds. */
export function hasExactNumbers(json: string): boolean {
  const numbers = json.replace(STRINGS, '""').match(NUMBERS) ?? []
  return numbers.every((text) => plain(text) === plain(String(Number(text))))
}

/** Digits and the place of the point: the same for every way to write one number. */
function plain(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
