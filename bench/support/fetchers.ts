import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child, Children } from './children.ts';

/** Longest path of a unix socket: `sun_path` of unix(7) with its end. */
const MAX_SOCKET_PATH = 107;
/** How long a program may take until its endpoints are there, in milliseconds. */
const BOUND_MS = 15_000;

/** Condure's defaults, which the length of its queues depends on as well; no bench has so many requests under way. */
const ROOM = { req: 1000, stream: 10_000 };

/** One of the programs that make requests which come as messages. */
export interface FetchProgram {
  readonly name: string;
  readonly command: string;
  /** What stands before the arguments of the program whose command line it has. */
  readonly args: readonly string[];
  /** Whose command line that is. */
  readonly like: 'zurl' | 'condure';
}

/** Such a program under measurement. */
export interface Fetcher {
  readonly child: Child;
  /** Endpoint of req mode. */
  readonly req: string;
  /** Base of the endpoints of stream mode: `-in`, `-in-stream` and `-out` follow. */
  readonly base: string;
}

export const ZURL: FetchProgram = { name: 'zurl', command: 'zurl', args: [], like: 'zurl' };
export const CONDURE_CLIENT: FetchProgram = { name: 'condure', command: 'condure', args: [], like: 'condure' };

/** Holdfast as it takes the place of one of the two. */
export function holdfastFetcher(launcher: string, like: FetchProgram['like']): FetchProgram {
  return { name: `holdfast ${like}`, command: process.execPath, args: [launcher, like], like };
}

/**
 * Starts such a program with endpoints of its own in the temporary folder, and waits until they are there.
 *
 * @param logLevel 0 to 3: error, warning, info, debug; what is logged goes to a file.
 */
export async function startFetcher(children: Children, program: FetchProgram, logLevel: number): Promise<Fetcher> {
  const base = join(mkdtempSync(join(children.directory, 'fetch-')), 'z');
  const files = ['req', 'in', 'in-stream', 'out'].map((name) => `${base}-${name}`);
  if (files.some((file) => file.length > MAX_SOCKET_PATH))
    throw new Error(`${base} is too long: give a shorter TMPDIR`);
  const fetcher = { req: `ipc://${base}-req`, base: `ipc://${base}` };
  const args = program.like === 'zurl' ? zurlArguments(base, fetcher, logLevel) : condureArguments(fetcher, logLevel);
  const child = children.start(program.name, 'server', program.command, [...program.args, ...args]);
  const deadline = performance.now() + BOUND_MS;
  while (!files.every(existsSync)) {
    if (performance.now() > deadline) throw new Error(`${program.name} has no endpoints after ${BOUND_MS / 1000} s`);
    await delay(20);
  }
  return { child, ...fetcher };
}

function zurlArguments(base: string, fetcher: Omit<Fetcher, 'child'>, logLevel: number): string[] {
  const file = `${base}.conf`;
  writeFileSync(
    file,
    `[General]
instance_id=bench-fetcher
in_spec=${fetcher.base}-in
in_stream_spec=${fetcher.base}-in-stream
out_spec=${fetcher.base}-out
in_req_spec=${fetcher.req}
defpolicy=allow
`,
  );
  return [`--config=${file}`, `--loglevel=${logLevel}`];
}

function condureArguments(fetcher: Omit<Fetcher, 'child'>, logLevel: number): string[] {
  return [
    ...['--workers', '1'],
    ...['--log-level', String(logLevel)],
    ...['--req-maxconn', String(ROOM.req), '--stream-maxconn', String(ROOM.stream)],
    ...['--zserver-req', fetcher.req],
    ...['--zserver-stream', fetcher.base],
  ];
}
