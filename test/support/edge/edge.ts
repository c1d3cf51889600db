import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Counters } from '../../../src/exchange/index.ts';
import type { SessionCounters } from '../../../src/zhttp/index.ts';
import type { ZmqCounters } from '../../../src/zmq/index.ts';
import { startHoldfast } from '../holdfast.ts';
import type { LogRecord, Program } from '../program.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** What an edge tells at its end. */
export interface EdgeCounters {
  readonly server: Counters;
  readonly zhttp: SessionCounters;
  readonly zmq: ZmqCounters;
}

/** A running `holdfast condure`. */
export class Edge {
  readonly program: Program;
  /** Its folder: `client` and `req` in it are where handlers find it, unless the test says otherwise. */
  readonly folder: string;
  /** Where clients can connect, in the order of the options. */
  readonly addresses: readonly string[];

  constructor(program: Program, folder: string, addresses: readonly string[]) {
    this.program = program;
    this.folder = folder;
    this.addresses = addresses;
  }

  /** Where clients connect first. */
  get address(): string {
    return this.addresses[0] ?? '';
  }

  /** Base of the endpoints of stream mode. */
  get base(): string {
    return `ipc://${join(this.folder, 'client')}`;
  }

  /** Endpoint of req mode. */
  get reqEndpoint(): string {
    return `ipc://${join(this.folder, 'req')}`;
  }

  /** What each of its file descriptors is; empty where the system does not tell. */
  descriptors(): string[] {
    const folder = `/proc/${this.program.pid}/fd`;
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

  /** What it has logged of its own defects. */
  errors(): LogRecord[] {
    return this.program.errors();
  }

  /** Sends SIGTERM: the edge has to end in order, with nothing left open and no defect of its own in the log. */
  async stop(): Promise<EdgeCounters> {
    const { code, stderr } = await this.program.stop();
    assert.deepEqual([code, stderr, this.errors()], [0, '', []]);
    const { edge } = await this.program.logged('stopped');
    const counters = edge as EdgeCounters;
    const { connectionsOpen, webSocketsOpen } = counters.server;
    const { sessionsOpen } = counters.zhttp;
    assert.deepEqual(
      { connectionsOpen, webSocketsOpen, sessionsOpen },
      { connectionsOpen: 0, webSocketsOpen: 0, sessionsOpen: 0 },
    );
    return counters;
  }
}

/**
 * Starts `holdfast condure` with these arguments and waits until it listens: on a free port of the loopback address, with its ZeroMQ
 * endpoints in a folder of its own, unless the arguments say otherwise.
 */
export async function startEdge(
  t: TestContext,
  args: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Edge> {
  const folder = temporaryFolder(t, files);
  const given = (option: string) => args.includes(option);
  const defaults = [
    ...(given('--listen') ? [] : ['--listen', '127.0.0.1:0']),
    ...(given('--zclient-stream') ? [] : ['--zclient-stream', `ipc://${folder}/client`]),
    ...(given('--zclient-req') ? [] : ['--zclient-req', `ipc://${folder}/req`]),
    ...(given('--drain-timeout') ? [] : ['--drain-timeout', '1']),
  ];
  const program = startHoldfast(t, ['condure', ...defaults, ...args], { cwd: folder, env });
  const { edge } = await program.logged('started');
  return new Edge(program, folder, edge as string[]);
}
