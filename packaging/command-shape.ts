import type { Argument, Command, Option } from 'commander';

/** An option or an argument of a command, as `--help` describes it. */
export interface TermShape {
  /** How it is written: `-X, --request <method>`, `<url>`. */
  readonly term: string;
  /** Its description, with choices and default. */
  readonly description: string;
}

/** An option, with what completion needs to know of it. */
export interface OptionShape extends TermShape {
  /** Its description without choices and default. */
  readonly summary: string;
  /** The ways to write it: `-X`, `--request`. */
  readonly flags: readonly string[];
  /** Name of its value, such as `file`; null for a switch. */
  readonly value: string | null;
  /** The values that it may have; empty if there is no list. */
  readonly choices: readonly string[];
}

/** A command, as `--help` describes it. */
export interface CommandShape {
  readonly name: string;
  readonly description: string;
  /** What follows the name: `[options] <url>`. */
  readonly usage: string;
  readonly arguments: readonly TermShape[];
  readonly options: readonly OptionShape[];
  /** What `--help` prints after the lists: an example, and notes. */
  readonly notes: string;
  readonly commands: readonly CommandShape[];
}

/** What commander knows of a command and of those below it. */
export function commandShape(command: Command): CommandShape {
  const help = command.createHelp();
  const notes: string[] = [];
  // How commander gathers what addHelpText has added.
  const emitter = command as Command & Pick<NodeJS.EventEmitter, 'emit'>;
  emitter.emit('afterHelp', { command, error: false, write: (text: string) => notes.push(text) });
  return {
    name: command.name(),
    description: command.description(),
    usage: command.usage(),
    arguments: help.visibleArguments(command).map((argument: Argument) => ({
      term: help.argumentTerm(argument),
      description: help.argumentDescription(argument),
    })),
    options: help.visibleOptions(command).map((option: Option) => ({
      term: help.optionTerm(option),
      description: help.optionDescription(option),
      summary: option.description,
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      value: /[<[]([^\]>]+)/.exec(option.flags)?.[1] ?? null,
      choices: option.argChoices ?? [],
    })),
    notes: notes.join('\n').trim(),
    commands: command.commands.map(commandShape),
  };
}
