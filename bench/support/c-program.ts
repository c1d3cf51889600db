import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.ts';

const BENCH = fileURLToPath(new URL('..', import.meta.url));

/**
 * Path of a program in C, compiled into the temporary folder of this run when it is asked for first. Throws what the
 * compiler says.
 *
 * @param sources files under `bench/`; the first gives the program its name.
 * @param libraries as `zmq`.
 */
export async function cProgram(
  children: Children,
  sources: readonly [string, ...string[]],
  libraries: readonly string[],
): Promise<string> {
  const program = join(children.directory, basename(sources[0], '.c'));
  if (!existsSync(program)) {
    const files = sources.map((source) => join(BENCH, source));
    const links = libraries.map((library) => `-l${library}`);
    await children.run('cc', 'load', 'cc', ['-O2', '-Wall', '-Wextra', '-o', program, ...files, ...links]);
  }
  return program;
}
