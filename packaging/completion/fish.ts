import type { CommandShape, OptionShape } from '../command-shape.ts';
import { isFileArgument, oneLine, quoted, valueKind } from './value-kind.ts';

/** The completion script of fish. */
export function fishCompletion(program: CommandShape): string {
  const { name, commands, options } = program;
  const names = commands.map((command) => command.name).join(' ');
  const lines = [
    `# fish completion for ${name}. Made from the definitions of its commands.`,
    '',
    `complete -c ${name} -f`,
    ...options.map((option) => `complete -c ${name} -n __fish_use_subcommand ${optionWords(option)}`),
    ...commands.map(
      (command) =>
        `complete -c ${name} -n __fish_use_subcommand -a ${command.name} -d ${quotedForFish(oneLine(command.description))}`,
    ),
    `complete -c ${name} -n '__fish_seen_subcommand_from help' -a ${quotedForFish(names)}`,
  ];
  for (const command of commands) {
    const seen = `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name}'`;
    lines.push(...command.options.map((option) => `${seen} ${optionWords(option)}`));
    if (command.arguments.some(({ term }) => isFileArgument(term))) lines.push(`${seen} -F`);
  }
  return `${lines.join('\n')}\n`;
}

function optionWords(option: OptionShape): string {
  const flags = option.flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const kind = valueKind(option);
  const values: Readonly<Record<string, string>> = {
    files: ' -r -F',
    folders: " -x -a '(__fish_complete_directories)'",
    choices: ` -x -a ${quoted(option.choices.join(' '))}`,
    nothing: ' -x',
  };
  return `${flags.join(' ')}${kind === null ? '' : values[kind]} -d ${quotedForFish(oneLine(option.summary))}`;
}

/** fish knows \`\\'\` and \`\\\\\` within single quotes. */
function quotedForFish(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
