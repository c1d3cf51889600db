import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from './free-ports.ts';
import { startHoldfast } from './holdfast.ts';
import { requirePeer } from './peers.ts';
import { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A program that has one role. */
export interface RoleMaker {
  readonly name: string;
  /** The peer that has to be installed; null for ours. */
  readonly peer: string | null;
}

/** The programs that serve clients for a proxy behind them. */
export const EDGES: readonly RoleMaker[] = [
  { name: 'holdfast condure', peer: null },
  { name: 'condure', peer: 'condure' },
];

/** An edge in front of a proxy. */
export interface SeparateEdge {
  readonly program: Program;
  /** Where clients connect: `127.0.0.1:PORT`. */
  readonly address: string;
  /** Base of the endpoints that it has bound. */
  readonly base: string;
}

/** Milliseconds between two attempts to connect. */
const LOOK_MS = 20;

/** Starts an edge that listens on a free port; null if its peer is missing, upon which the test returns. */
export async function startSeparateEdge(
  t: TestContext,
  maker: RoleMaker,
  options: readonly string[] = [],
): Promise<SeparateEdge | null> {
  const command = commandOf(t, maker);
  if (command === null) return null;
  const [port = 0] = await freePorts(1);
  const folder = temporaryFolder(t);
  const base = `ipc://${join(folder, 'client')}`;
  const address = `127.0.0.1:${port}`;
  const args = ['--listen', address, '--zclient-stream', base, '--zclient-req', `${base}-req`, ...options];
  const program = startRole(t, command, 'condure', args, folder);
  await accepting(port);
  return { program, address, base };
}

/** Path of the peer, empty for ours; null if it is missing. */
export function commandOf(t: TestContext, { peer }: RoleMaker): string | null {
  return peer === null ? '' : requirePeer(t, peer);
}

/** Starts the peer at `command`, or our own command that stands for it. */
export function startRole(
  t: TestContext,
  command: string,
  own: string,
  args: readonly string[],
  folder: string,
): Program {
  const surroundings = { cwd: folder };
  return command === '' ? startHoldfast(t, [own, ...args], surroundings) : new Program(t, command, args, surroundings);
}

/** A proxy without listeners of its own. */
export interface SeparateProxy {
  readonly program: Program;
  /** URL that items are published at. */
  readonly controlUrl: string;
}

/**
 * Starts `holdfast run` as a proxy behind an edge.
 * @param lines of the configuration after `[server]` with its endpoints; routes among them
 */
export async function startSeparateProxy(
  t: TestContext,
  bases: readonly string[],
  routes: readonly string[],
  lines: readonly string[] = [],
): Promise<SeparateProxy> {
  const toml = ['[server]', 'listen = []', `zhttp = ${JSON.stringify(bases)}`, 'drain_timeout = 1', ...lines];
  const cwd = temporaryFolder(t, {
    'holdfast.toml': [...toml, '[control]', 'listen = ["127.0.0.1:0"]', ''].join('\n'),
  });
  const args = routes.flatMap((route) => ['--route', route]);
  const program = startHoldfast(t, ['run', '--log-level', 'debug', ...args], { cwd });
  const { publishers } = await program.logged('started');
  return { program, controlUrl: `http://${(publishers as string[])[0]}` };
}

/** Publishes items, given as GRIP's JSON has them. */
export async function publishTo({ controlUrl }: SeparateProxy, ...items: readonly object[]): Promise<void> {
  const response = await fetch(`${controlUrl}/publish/`, { method: 'POST', body: JSON.stringify({ items }) });
  if (!response.ok) throw new Error(await response.text());
}

/** The value of a metric on the control port. */
export async function metricOf({ controlUrl }: SeparateProxy, name: string): Promise<number> {
  const text = await (await fetch(`${controlUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

/** Resolves when the metric has this value. */
export async function metricIs(proxy: SeparateProxy, name: string, value: number): Promise<void> {
  while ((await metricOf(proxy, name)) !== value) await delay(LOOK_MS);
}

/** Resolves when something listens on the port. */
async function accepting(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.destroy();
      return;
    } catch {
      await delay(LOOK_MS);
    }
  }
}
