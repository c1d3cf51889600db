/** Text for a line of a man page: nothing in it is a request, an escape or a typographic replacement. */
export function roffText(text: string): string {
  return text.replace(/[\\\-'`^~]/g, (character) => ESCAPES[character] as string).replace(/^\./gm, '\\&.');
}

/** Text for the argument of a macro, which quotes delimit. */
export function roffArgument(text: string): string {
  return `"${roffText(text).replaceAll('"', '\\(dq')}"`;
}

/** A block of lines that are shown as they are. */
export function roffLines(lines: readonly string[]): string {
  return ['.PP', '.RS 4', '.nf', ...lines.map((line) => roffText(line) || '\\&'), '.fi', '.RE'].join('\n');
}

/** The first line of a man page. */
export function roffTitle(name: string, section: number, { version, date }: PageSource): string {
  const parts = [name.toUpperCase(), String(section), date, `Holdfast ${version}`, 'Holdfast'];
  return `.TH ${parts.map(roffArgument).join(' ')}`;
}

/** What the first line of a page says of its origin. */
export interface PageSource {
  readonly version: string;
  /** YYYY-MM-DD. */
  readonly date: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};
