import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cProgram } from './c-program.ts';
import { checkResponse } from './check-response.ts';
import type { Child, Children } from './children.ts';
import { freePorts, listening } from './ports.ts';

/** Longest path of a unix socket: `sun_path` of unix(7) with its end. */
const MAX_SOCKET_PATH = 107;
/** How long the handler may take until it is ready, in milliseconds. */
const READY_MS = 15_000;

/** What an edge hands its requests to. */
export type EdgeMode = 'stream' | 'req';

/**
 * Connections that an edge gets room for at least. For streams it is condure's default, which the length of its queues
 * depends on as well.
 */
const LEAST_ROOM: Readonly<Record<EdgeMode, number>> = { stream: 10_000, req: 1000 };
/** Times the connections that a bench makes: those of a moment ago may not be gone yet. */
const SPARE_ROOM = 1.2;

/** How an edge is started. */
export interface EdgeOptions {
  readonly mode: EdgeMode;
  /** Connections that it has to hold at a time. */
  readonly connections: number;
  readonly workers: number;
  /** Whether the edge connects to the handler, and not the other way round. Default: false. */
  readonly connect?: boolean;
}

/** One of the programs with the command line of condure. */
export interface EdgeProgram {
  readonly name: string;
  readonly command: string;
  /** What stands before condure's own arguments. */
  readonly args: readonly string[];
}

/** A server of condure's kind under measurement, with the handler behind it. */
export interface Edge {
  /** The server alone: what is measured. */
  readonly child: Child;
  readonly port: number;
  /** Ends server and handler. */
  stop(): Promise<void>;
}

/** Holdfast as it takes condure's place. */
export function holdfastEdge(launcher: string): EdgeProgram {
  return { name: 'holdfast', command: process.execPath, args: [launcher, 'condure'] };
}

/** The peer. */
export const CONDURE: EdgeProgram = { name: 'condure', command: 'condure', args: [] };

/**
 * Starts a server with condure's command line on a free port, and the handler of the benches behind it. Only the limits
 * that a bench would hit are raised, and alike for all.
 */
export async function startEdge(children: Children, program: EdgeProgram, options: EdgeOptions): Promise<Edge> {
  const { mode, workers } = options;
  const [port] = (await freePorts(1)) as [number];
  const base = join(children.directory, String(port));
  if (`${base}-out-stream`.length > MAX_SOCKET_PATH) throw new Error(`${base} is too long: give a shorter TMPDIR`);
  const room = String(Math.max(LEAST_ROOM[mode], Math.ceil(options.connections * SPARE_ROOM)));
  const child = children.start(program.name, 'server', program.command, [
    ...program.args,
    ...['--workers', String(workers)],
    ...['--listen', `127.0.0.1:${port},${mode}`],
    ...[`--${mode}-maxconn`, room],
    ...[`--zclient-${mode}`, `ipc://${base}`],
    ...(options.connect === true ? ['--zclient-connect'] : []),
  ]);
  await listening(port, program.name);
  const handler = children.start('handler', 'load', await handlerProgram(children), [
    mode,
    `ipc://${base}`,
    ...(options.connect === true ? ['bind'] : []),
  ]);
  await ready(handler);
  await checkResponse(port, program.name);
  return {
    child,
    port,
    async stop() {
      // The server first: it says goodbye to its handler.
      await child.stop();
      await handler.stop();
    },
  };
}

function handlerProgram(children: Children): Promise<string> {
  return cProgram(children, ['handlers/handler.c', 'handlers/zhttp.c'], ['zmq']);
}

/** Waits until a handler can be asked. */
export async function ready(handler: Child): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!handler.output().includes('ready')) {
    if (performance.now() > deadline) throw new Error(`the handler is not ready after ${READY_MS / 1000} s`);
    await delay(20);
  }
}
