import type { CommandShape, TermShape } from './command-shape.ts';

const INTRODUCTION = `# Commands

<!-- Made from the definitions of the commands by cliReference(). -->

Each command has \`--help\` and a man page, and the package completes all of them in bash, zsh and fish. In a clone the program is \`bin/holdfast\`.

Exit codes: 0 for success, 1 for failure, 2 for wrong usage.`;

/** The reference of all commands in Markdown, made from their definitions. */
export function cliReference(program: CommandShape): string {
  const commands = program.commands.filter(({ name }) => name !== 'help');
  return `${[INTRODUCTION, ...commands.map((command) => section(program.name, command))].join('\n\n')}\n`;
}

function section(program: string, command: CommandShape): string {
  const { name, description, usage, arguments: taken, options, notes } = command;
  const parts = [`## \`${program} ${name}\``, cell(description), `\`\`\`\n${program} ${name} ${usage}\n\`\`\``];
  if (taken.length > 0) parts.push(table('argument', taken));
  parts.push(table('option', options));
  if (notes !== '') parts.push(`\`\`\`\n${notes}\n\`\`\``);
  return parts.join('\n\n');
}

function table(heading: string, terms: readonly TermShape[]): string {
  const rows = terms.map(({ term, description }) => `| \`${term.replaceAll('|', '\\|')}\` | ${cell(description)} |`);
  return [`| ${heading} | meaning |`, '|---|---|', ...rows].join('\n');
}

/** Text that is no Markdown. */
function cell(text: string): string {
  return text
    .replaceAll('\n', ' ')
    .replaceAll('|', '\\|')
    .replace(/[<>*_]/g, '\\$&');
}
