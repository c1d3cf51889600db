import type { CommandShape, OptionShape, TermShape } from '../command-shape.ts';
import { isFileArgument, oneLine, quoted, valueKind } from './value-kind.ts';

/** The completion function of zsh. */
export function zshCompletion(program: CommandShape): string {
  const { name, commands, options } = program;
  const described = (command: CommandShape): string =>
    `${command.name}:${oneLine(command.description).replaceAll(':', '\\:')}`;
  const cases = commands
    .filter((command) => command.name !== 'help')
    .map((command) => {
      const specs = [...command.options.flatMap(optionSpecs), ...command.arguments.map(argumentSpec)];
      return [
        `        ${command.name})`,
        `          _arguments -s -S ${specs.map(quoted).join(' \\\n            ')}`,
        '          ;;',
      ].join('\n');
    });
  return `#compdef ${name}
# Made from the definitions of its commands.

_${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
${commands.map((command) => `    ${quoted(described(command))}`).join('\n')}
  )
  _arguments -C ${options.flatMap(optionSpecs).map(quoted).join(' \\\n    ')} \\
    '1: :->command' '*:: :->arguments'
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $line[1] in
${cases.join('\n')}
        help) _describe -t commands command commands ;;
      esac
      ;;
  esac
}

_${name} "$@"
`;
}

/** One spec for each way to write the option: \`(-f --fail)--fail[text]\`. Any may come again where the first one counts for nothing. */
function optionSpecs(option: OptionShape): string[] {
  const summary = oneLine(option.summary).replace(/[[\]\\:]/g, '\\$&');
  const kind = valueKind(option);
  const value =
    kind === null ? '' : `:${option.value?.replaceAll(':', '\\:')}:${ACTIONS[kind] ?? `(${option.choices.join(' ')})`}`;
  return option.flags.map((flag) => `*${flag}${kind !== null && flag.startsWith('--') ? '=' : ''}[${summary}]${value}`);
}

function argumentSpec({ term, description }: TermShape, index: number): string {
  const name = oneLine(description || term).replaceAll(':', '\\:');
  // Without the guard the message would keep an option from being completed.
  return `${index + 1}:${name}:${isFileArgument(term) ? '_files' : `_guard "^-*" ${quoted(name)}`}`;
}

const ACTIONS: Readonly<Record<string, string>> = { files: '_files', folders: '_files -/', nothing: ' ' };
