import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ended, Program, type Surroundings } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The launcher of the built program. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/holdfast', import.meta.url));

/** Starts `holdfast` with these arguments. */
export function startHoldfast(t: TestContext, args: readonly string[], surroundings?: Surroundings): Program {
  return new Program(t, process.execPath, [LAUNCHER, ...args], surroundings);
}

/** Runs `holdfast` with these arguments to its end. */
export function holdfast(t: TestContext, args: readonly string[], surroundings?: Surroundings): Promise<Ended> {
  return startHoldfast(t, args, surroundings).ended;
}

/** A running `holdfast run` that listens. */
export interface Running {
  readonly program: Program;
  /** Where clients can connect, in the order of the options: `127.0.0.1:PORT`. */
  readonly clients: readonly string[];
  /** URL that items are published at. */
  readonly controlUrl: string;
}

/** Runs a server with these arguments: `--port` if it matters, `--route`, and so on. Clients and publishers get free ports. */
export async function runServer(
  t: TestContext,
  args: readonly string[],
  toml = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const cwd = temporaryFolder(t, { 'holdfast.toml': `${toml}\n[control]\nlisten = ["127.0.0.1:0"]\n` });
  const listen = args.includes('--port') ? [] : ['--port', '127.0.0.1:0'];
  const program = startHoldfast(t, ['run', ...listen, ...args], { cwd, env });
  const { clients, publishers } = await program.logged('started');
  return {
    program,
    clients: clients as string[],
    controlUrl: `http://${(publishers as string[])[0]}`,
  };
}
