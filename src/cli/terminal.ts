/** Ways to show a text. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const CODES: Readonly<Record<Paint, string>> = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' };

/** What is known of the terminal that output goes to. */
export interface Screen {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Whether colours are wanted: on a terminal, unless `NO_COLOR` is set (no-color.org). */
  readonly colours: boolean;
}

/** The terminal behind a stream; a file or a pipe has no colours. */
export function screenOf(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>,
  env: NodeJS.ProcessEnv = process.env,
): Screen {
  const isTTY = stream.isTTY === true && env.TERM !== 'dumb';
  const colours = isTTY && (env.NO_COLOR ?? '') === '';
  return { isTTY, columns: stream.columns || 80, rows: stream.rows || 24, colours };
}

/** Paints a text, where colours are wanted. */
export function painter({ colours }: Pick<Screen, 'colours'>): (paint: Paint, text: string) => string {
  return (paint, text) => (colours ? `\u001b[${CODES[paint]}m${text}\u001b[0m` : text);
}

/** The text with escapes in the place of everything that a terminal would obey, or that breaks its line. */
export function safeText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    return known ?? `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

/** A value as a line of JSON, which leaves a few characters as they are that a terminal obeys. */
export function jsonLine(value: unknown): string {
  return safeText(JSON.stringify(value));
}

const ESCAPE = '\u001b';

const COLOUR = new RegExp(`(${ESCAPE}\\[\\d+m)`);

/** The first columns of a line, whose colours take none. */
export function cutLine(line: string, columns: number): string {
  let shown = 0;
  let cut = '';
  for (const part of line.split(COLOUR)) {
    if (part.startsWith(ESCAPE)) {
      cut += part;
      continue;
    }
    const characters = [...part].slice(0, columns - shown);
    shown += characters.length;
    cut += characters.join('');
  }
  return cut;
}
