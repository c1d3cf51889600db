import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Counters } from '../../../src/exchange/index.ts';
import type { SessionCounters } from '../../../src/zhttp/index.ts';
import type { ZmqCounters } from '../../../src/zmq/index.ts';
import { startHoldfast } from '../holdfast.ts';
import { Program } from '../program.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import type { FetchEndpoints } from './zhttp-requester.ts';

/** A running program that makes requests for others, with its endpoints in a folder of its own. */
export interface RunningFetcher {
  readonly program: Program;
  readonly folder: string;
  readonly endpoints: FetchEndpoints;
  /** The address that it has in stream mode. */
  readonly id: string;
}

/** What a fetcher tells at its end. */
export interface FetchCounters {
  readonly client: Counters;
  readonly zhttp: SessionCounters;
  readonly zmq: ZmqCounters;
}

/** Between two looks at what a program has bound, or holds open. */
const LOOK_MS = 10;

/** Lines of a zurl.conf that binds everything in the folder. */
export function zurlConf(folder: string, lines: readonly string[] = []): string {
  const { in: input, inStream, out, req } = endpointsIn(folder);
  return [
    '[General]',
    'instance_id=zu1',
    `in_spec=${input}`,
    `in_stream_spec=${inStream}`,
    `out_spec=${out}`,
    `in_req_spec=${req}`,
    ...lines,
    '',
  ].join('\n');
}

/** Starts `holdfast zurl`; with `command` the program of that path in its place. @param lines of its zurl.conf beside the endpoints */
export async function startZurl(
  t: TestContext,
  lines: readonly string[] = [],
  command: string | null = null,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningFetcher> {
  const folder = temporaryFolder(t);
  const file = join(folder, 'zurl.conf');
  writeFileSync(file, zurlConf(folder, lines));
  const args = [`--config=${file}`];
  const surroundings = { cwd: folder, env };
  const program =
    command === null ? startHoldfast(t, ['zurl', ...args], surroundings) : new Program(t, command, args, surroundings);
  return running(program, folder, 'zu1');
}

/** Starts the client mode of `holdfast condure`; with `command` that of the program of that path. */
export async function startCondureClient(
  t: TestContext,
  options: readonly string[] = [],
  command: string | null = null,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningFetcher> {
  const folder = temporaryFolder(t);
  const base = `ipc://${join(folder, 'fetch')}`;
  const args = ['--id', 'zu1', '--zserver-stream', base, '--zserver-req', `${base}-req`, ...options];
  const surroundings = { cwd: folder, env };
  const program =
    command === null
      ? startHoldfast(t, ['condure', ...args], surroundings)
      : new Program(t, command, args, surroundings);
  return running(program, folder, 'zu1');
}

/**
 * Starts `holdfast run` with only `[fetch]` on.
 * @param lines of that section beside the endpoints
 * @param server lines of `[server]` beside its empty list of addresses
 */
export async function startFetch(
  t: TestContext,
  lines: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  server: readonly string[] = [],
): Promise<RunningFetcher> {
  const folder = temporaryFolder(t);
  const base = `ipc://${join(folder, 'fetch')}`;
  const toml = [
    '[server]',
    'listen = []',
    ...server,
    '[fetch]',
    'id = "zu1"',
    `stream = ["${base}"]`,
    `req = ["${base}-req"]`,
    ...lines,
    '',
  ].join('\n');
  const file = join(folder, 'holdfast.toml');
  writeFileSync(file, toml);
  const program = startHoldfast(t, ['run', '--config', file], { cwd: folder, env });
  return running(program, folder, 'zu1');
}

/**
 * Sends SIGTERM: it has to end in order, with nothing of its own defects in the log, no session and no peer left, and no socket file.
 * @returns what it has counted
 */
export async function stopFetcher({ program, endpoints }: RunningFetcher): Promise<FetchCounters> {
  const { code, stderr } = await program.stop();
  assert.deepEqual([code, stderr, program.errors()], [0, '', []]);
  for (const endpoint of Object.values(endpoints)) assert.equal(existsSync(endpoint.slice('ipc://'.length)), false);
  const counters = (await program.logged('stopped')).fetch as FetchCounters;
  assert.deepEqual([counters.zhttp.sessionsOpen, counters.zmq.peersOpen], [0, 0]);
  return counters;
}

/** What each file descriptor of a program is; empty where the system does not tell. */
export function descriptorsOf({ pid }: Program): string[] {
  const folder = `/proc/${pid}/fd`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
}

/** Resolves when the program has no more descriptors than it had. A test that waits for ever has found what is left over. */
export async function descriptorsBack(program: Program, before: readonly string[]): Promise<void> {
  while (descriptorsOf(program).length > before.length) await delay(LOOK_MS);
}

/** Megabytes of memory that a program has in use; 0 where the system does not tell. */
export function memoryOf({ pid }: Program): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return 0;
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'latin1')) ?? [];
  return Number(kilobytes) / 1_024;
}

function endpointsIn(folder: string): FetchEndpoints {
  const base = `ipc://${join(folder, 'fetch')}`;
  return { in: `${base}-in`, inStream: `${base}-in-stream`, out: `${base}-out`, req: `${base}-req` };
}

async function running(program: Program, folder: string, id: string): Promise<RunningFetcher> {
  const endpoints = endpointsIn(folder);
  const files = Object.values(endpoints).map((endpoint) => endpoint.slice('ipc://'.length));
  let ended = false;
  void program.ended.then(() => {
    ended = true;
  });
  while (!files.every((file) => existsSync(file))) {
    if (ended) {
      const { stdout, stderr } = await program.ended;
      throw new Error(`the program ended before it had bound its endpoints:\n${stdout}${stderr}`);
    }
    await delay(LOOK_MS);
  }
  return { program, folder, endpoints, id };
}
