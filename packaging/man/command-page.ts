import type { CommandShape, TermShape } from '../command-shape.ts';
import { type PageSource, roffArgument, roffLines, roffText, roffTitle } from './roff.ts';

/** The man page of the whole program, which lists its commands. */
export function programPage(program: CommandShape, source: PageSource): string {
  const commands = program.commands.filter(({ name }) => name !== 'help');
  const listed = commands.map(({ name, description, usage }) => ({ term: `${name} ${usage}`, description }));
  const pages = [...commands.map(({ name }) => `${program.name}-${name}(1)`), `${program.name}.toml(5)`];
  return page(program.name, program, section('COMMANDS', listed), pages, source);
}

/** The man page of one command, `holdfast-run(1)`. */
export function commandPage(program: CommandShape, command: CommandShape, source: PageSource): string {
  const pages = [`${program.name}(1)`, `${program.name}.toml(5)`];
  return page(`${program.name} ${command.name}`, command, [], pages, source);
}

/** @param name as it is typed */
function page(
  name: string,
  { description, usage, arguments: taken, options, notes }: CommandShape,
  between: readonly string[],
  pages: readonly string[],
  source: PageSource,
): string {
  const title = name.replaceAll(' ', '-');
  const lines = [
    roffTitle(title, 1, source),
    '.SH NAME',
    `${roffText(title)} \\- ${roffText(summaryOf(description))}`,
    '.SH SYNOPSIS',
    `.B ${roffText(name)}`,
    roffText(usage),
    '.SH DESCRIPTION',
    roffText(description),
    ...between,
    ...section('ARGUMENTS', taken),
    ...section('OPTIONS', options),
    ...notesOf(notes),
    '.SH SEE ALSO',
    pages.map(reference).join(',\n'),
  ];
  return `${lines.join('\n')}\n`;
}

/** One line for `whatis`, which ends without a full stop. */
function summaryOf(description: string): string {
  return description.replace(/\.$/, '').replaceAll('\n', ' ');
}

function section(heading: string, terms: readonly TermShape[]): string[] {
  if (terms.length === 0) return [];
  return [
    `.SH ${heading}`,
    ...terms.flatMap(({ term, description }) => ['.TP', `.B ${roffText(term)}`, roffText(description)]),
  ];
}

/** The example, the exit codes and the other notes of `--help`, each under a heading of its own. */
function notesOf(notes: string): string[] {
  const blocks = notes.split(/\n{2,}/).filter((block) => block !== '');
  const example = blocks.filter((block) => block.startsWith('Example:'));
  const exits = blocks.filter((block) => block.startsWith('Exit codes:'));
  const others = blocks.filter((block) => !example.includes(block) && !exits.includes(block));
  return [
    ...(others.length === 0 ? [] : ['.SH NOTES', ...others.map(paragraph)]),
    ...exits.flatMap((block) => ['.SH EXIT STATUS', paragraph(block.replace(/^Exit codes:\s*/, ''))]),
    ...example.flatMap((block) => ['.SH EXAMPLE', paragraph(block.replace(/^Example:\n/, ''))]),
  ];
}

/** A paragraph of prose; indented lines in it are a table. */
function paragraph(block: string): string {
  const parts: string[] = [];
  let table: string[] = [];
  const endTable = () => {
    if (table.length > 0) parts.push(roffLines(table));
    table = [];
  };
  for (const line of block.split('\n')) {
    if (line.startsWith('  ')) {
      table.push(line.slice(2));
      continue;
    }
    if (table.length > 0 || parts.length === 0) {
      endTable();
      parts.push('.PP');
    }
    parts.push(roffText(line));
  }
  endTable();
  return parts.join('\n');
}

/** `holdfast(1)` as a line of SEE ALSO, without what follows it. */
function reference(page: string): string {
  const [, name = '', number = ''] = /^(.*)\((\d)\)$/.exec(page) ?? [];
  return `.BR ${roffArgument(name)} ${roffArgument(`(${number})`)}`;
}
