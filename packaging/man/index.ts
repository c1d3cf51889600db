import type { CommandShape } from '../command-shape.ts';
import { commandPage, programPage } from './command-page.ts';
import { configPage } from './config-page.ts';
import type { PageSource } from './roff.ts';

/** All man pages, by file name. */
export function manPages(program: CommandShape, source: PageSource): Map<string, string> {
  return new Map([
    [`${program.name}.1`, programPage(program, source)],
    ...program.commands
      .filter(({ name }) => name !== 'help')
      .map((command): [string, string] => [`${program.name}-${command.name}.1`, commandPage(program, command, source)]),
    [`${program.name}.toml.5`, configPage(source)],
  ]);
}
