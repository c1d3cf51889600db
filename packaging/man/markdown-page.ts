import { roffText } from './roff.ts';

/**
 * The body of a man page from the Markdown of the reference: headings, paragraphs, lists, blocks of code, and tables, each row of which
 * becomes a term with its description.
 */
export function roffOfMarkdown(markdown: string): string {
  const lines = markdown.replace(/<!--[\s\S]*?-->\n*/g, '').split('\n');
  const out: string[] = [];
  while (lines.length > 0) out.push(...block(lines));
  return out.join('\n');
}

/** Takes one block off the beginning of the lines. */
function block(lines: string[]): string[] {
  const line = lines.shift() as string;
  const heading = /^(#+) (.*)$/.exec(line);
  if (heading !== null) {
    const [, marks = '', text = ''] = heading;
    // The title of the document is that of the page.
    if (marks.length === 1) return [];
    return [`${marks.length === 2 ? '.SH' : '.SS'} ${inline(text).replaceAll('"', '\\(dq')}`];
  }
  if (line.startsWith('```')) {
    const code = takeWhile(lines, (next) => !next.startsWith('```'));
    lines.shift();
    return ['.PP', '.RS 4', '.nf', ...code.map((text) => roffText(text) || '\\&'), '.fi', '.RE'];
  }
  if (line.startsWith('|')) return table([line, ...takeWhile(lines, (next) => next.startsWith('|'))]);
  const item = /^(-|\*|\d+\.) (.*)$/.exec(line);
  if (item !== null) {
    const [, mark = '', first = ''] = item;
    const rest = takeWhile(lines, (next) => /^\s+\S/.test(next)).map((next) => next.trim());
    return [`.IP ${/\d/.test(mark) ? `${mark} 4` : '\\(bu 2'}`, inline([first, ...rest].join('\n'))];
  }
  if (line.trim() === '') return [];
  const rest = takeWhile(lines, (next) => next.trim() !== '' && !/^(#|```|\||- |\* |\d+\. )/.test(next));
  return ['.PP', inline([line, ...rest].join('\n'))];
}

/** The rows without their heading: the first cell is the term, the second its meaning, the others follow in parentheses. */
function table(rows: readonly string[]): string[] {
  const [heading = [], , ...body] = rows.map(cells);
  return body.flatMap(([term = '', meaning = '', ...others]) => {
    const notes = others.map((cell, index) => `${heading[index + 2]}: ${cell}`).join('; ');
    return ['.TP', inline(term), inline(meaning), ...(notes === '' ? [] : ['.br', inline(`(${notes})`)])];
  });
}

function cells(row: string): string[] {
  return row
    .replace(/^\|\s*|\s*\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Code becomes bold, links their text. */
function inline(text: string): string {
  const parts = text
    .replace(/<a id="[^"]*"><\/a>/g, '')
    .replace(/\[([^\]]+)\]\([^)\s]+\)/g, '$1')
    .replace(/\*\*([^*]+)\*\*/g, '$1')
    .split(/(``?)(.+?)\1/s);
  // Parts come in threes: text, the mark of code, code.
  const roff = parts.map((part, index) => {
    if (index % 3 === 1) return '';
    return index % 3 === 2 ? `\\fB${roffText(part.trim())}\\fR` : roffText(part);
  });
  return roff.join('');
}

function takeWhile(lines: string[], fits: (line: string) => boolean): string[] {
  const end = lines.findIndex((line) => !fits(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}
