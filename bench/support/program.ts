import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Offer, Question, Reply } from './calls.ts';
import type { Child, Children, Role } from './children.ts';

type ArgumentOf<F> = F extends (argument: infer A) => unknown ? A : never;
type ResultOf<F> = F extends (argument: never) => infer R ? Awaited<R> : never;

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = [
  'bare-server',
  'echo-load',
  'echo-origin',
  'event-load',
  'grip-origin',
  'idle-load',
  'jetstream-load',
  'resume-load',
  'stream-load',
  'transfer-load',
];
const TSC_OPTIONS =
  '--ignoreConfig --noCheck --target es2023 --module nodenext --rewriteRelativeImportExtensions --verbatimModuleSyntax';

/** A program of `bench/programs` that runs as a process of its own and is called by messages. */
export class Program<T extends Offer<T>> {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  /** Calls a function in the program. One call at a time. Throws what it throws. */
  call<K extends keyof T & string>(name: K, argument: ArgumentOf<T[K]>): Promise<ResultOf<T[K]>> {
    return new Promise((resolve, reject) => {
      this.child.process.once('message', (reply: Reply) => {
        if (reply.error === undefined) resolve(reply.result as ResultOf<T[K]>);
        else reject(new Error(`${this.child.name}: ${reply.error}`));
      });
      this.child.process.send({ name, argument } satisfies Question, (error) => error && reject(error));
    });
  }
}

/** Starts a program of `bench/programs` by its name; `T` is what it gives to `serveCalls`. */
export function startProgram<T extends Offer<T>>(children: Children, role: Role, name: string): Program<T> {
  const file = join(compiledPrograms(children), 'programs', `${name}.js`);
  return new Program(children.start(name, role, process.execPath, [file], true));
}

/**
 * Folder with the programs as JavaScript. They are compiled, and not loaded through tsx as the bench itself is: the loader's
 * thread and memory would count for the bare server.
 */
function compiledPrograms(children: Children): string {
  const folder = join(children.directory, 'compiled');
  if (!existsSync(folder)) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const sources = PROGRAMS.map((name) => join('bench/programs', `${name}.ts`));
    const args = [tsc, ...TSC_OPTIONS.split(' '), '--rootDir', 'bench', '--outDir', folder, ...sources];
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  }
  return folder;
}
