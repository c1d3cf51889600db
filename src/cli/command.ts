import { Command, InvalidArgumentError, Option } from 'commander';
import { packageVersion } from '../app/index.ts';
import { ConfigError } from '../config/index.ts';

/** A command with `--help`, an example and `--version`, which throws errors to its caller. */
export function newCommand(name: string, description: string, example: string): Command {
  return (
    new Command(name)
      .description(description)
      .version(packageVersion(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
      .helpCommand('help [command]', 'print the help of a command')
      .addHelpText('after', `\nExample:\n  ${example}`)
      // The process ends in one place, with the exit codes of cli-error.ts.
      .exitOverride()
  );
}

/** Collects the values of an option that may be repeated. */
export function repeatable(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

/** `--control-port`, for the commands whose configuration may have none. */
export function controlPortOption(): Option {
  const description =
    'address for metrics and the control API: PORT of 127.0.0.1, or ADDRESS:PORT; may be repeated (default: none)';
  return new Option('--control-port <address>', description).argParser(repeatable);
}

/** `--log-level`, for the commands that write a log. */
export function logLevelOption(description: string): Option {
  return new Option('--log-level <level>', description).choices(['error', 'warn', 'info', 'debug']);
}

/** The result of `parse`, which reads the value of an option. A `ConfigError` becomes a sentence behind those of commander. */
export function optionValue<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new InvalidArgumentError(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

/** Reads the value of an option that is a whole number. */
export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^[0-9]+$/.test(value) || number < min || number > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return number;
  };
}
