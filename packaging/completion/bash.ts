import type { CommandShape, OptionShape } from '../command-shape.ts';
import { isFileArgument, quoted, valueKind } from './value-kind.ts';

/** The completion script of bash. It needs no function of the package bash-completion. */
export function bashCompletion(program: CommandShape): string {
  const { name, commands, options } = program;
  const cases = commands.map((command) => {
    const words = command.options.flatMap(({ flags }) => flags).join(' ');
    return [
      `    ${command.name})`,
      `      options=${quoted(words)}`,
      ...(command.arguments.some(({ term }) => isFileArgument(term)) ? ['      arguments=files'] : []),
      ...valueCases(command.options),
      '      ;;',
    ].join('\n');
  });
  return `# bash completion for ${name}. Made from the definitions of its commands.

_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} options='' arguments='' value=''
  COMPREPLY=()
  # bash splits --option=value in three.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' && COMP_CWORD -ge 2 ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W ${quoted([...commands.map((command) => command.name), ...options.flatMap(({ flags }) => flags)].join(' '))} -- "$current")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    help)
      ((COMP_CWORD == 2)) && mapfile -t COMPREPLY < <(compgen -W ${quoted(commands.map((command) => command.name).join(' '))} -- "$current")
      return
      ;;
  esac
  case $value in
    '') ;;
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    folders)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      return
      ;;
    nothing) return ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W "$value" -- "$current")
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ $arguments == files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -F _${name} ${name}
`;
}

/** Sets \`value\` where the word before takes one. */
function valueCases(options: readonly OptionShape[]): string[] {
  const rows = options.flatMap((option) => {
    const kind = valueKind(option);
    if (kind === null) return [];
    const value = kind === 'choices' ? quoted(option.choices.join(' ')) : kind;
    return [`        ${option.flags.join(' | ')}) value=${value} ;;`];
  });
  return rows.length === 0 ? [] : ['      case $previous in', ...rows, '      esac'];
}
