import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Running, runServer, startHoldfast } from './holdfast.ts';
import { turn } from './manual-clock.ts';
import { startOrigin } from './origin.ts';
import { portOf } from './port-of.ts';
import { connectTo, type RawClient } from './raw-client.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { childrenOf, workerOf } from './worker-of.ts';

/** A held client, and the worker process that has it. */
export interface Placed {
  readonly client: RawClient;
  /** Pid of its worker. */
  readonly worker: number;
}

/** A server with worker processes, and an origin that holds clients on the channel in the query. */
export class ProxyWorkers {
  readonly server: Running;
  readonly origin: string;
  /** Where the configuration is; empty where that does not matter. */
  readonly folder: string;
  readonly #t: TestContext;

  constructor(t: TestContext, server: Running, origin: string, folder = '') {
    this.#t = t;
    this.folder = folder;
    this.server = server;
    this.origin = origin;
  }

  get address(): string {
    return this.server.clients[0] ?? '';
  }

  /** Pids of the worker processes. */
  get pids(): number[] {
    return childrenOf(this.server.program.pid);
  }

  /** A client whose request is held as `query` says: `c=CHANNEL`, `h=stream|response`, `id=PREV-ID`. */
  async hold(query: string): Promise<Placed> {
    const client = await connectTo(this.#t, this.address);
    client.write(`GET /?${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
    if (!query.includes('h=response')) await client.take('open\n\r\n');
    return { client, worker: this.#workerOf(client) };
  }

  /** A connection that a worker has accepted. */
  async connect(): Promise<Placed> {
    const client = await connectTo(this.#t, this.address);
    for (;;) {
      const worker = this.#workerOf(client);
      if (worker > 0) return { client, worker };
      await turn();
    }
  }

  /** Holds clients until each of `count` workers has some, and there are at least `least`. */
  async spread(query: string, count: number, least = 2 * count): Promise<Placed[]> {
    const held: Placed[] = [];
    while (held.length < least || new Set(held.map(({ worker }) => worker)).size < count)
      held.push(await this.hold(query));
    return held;
  }

  /** Publishes items by HTTP, and returns the response. */
  async publish(items: readonly object[], headers: Record<string, string> = {}): Promise<unknown> {
    const response = await fetch(`${this.server.controlUrl}/publish`, {
      method: 'POST',
      body: JSON.stringify({ items }),
      headers: { Accept: 'application/json', ...headers },
    });
    return response.json();
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.server.controlUrl}/metrics`)).text();
  }

  /** The process at the other end of a client's connection. */
  #workerOf(client: RawClient): number {
    return workerOf(this.server.program.pid, portOf(this.address), client.socket.localPort as number);
  }
}

/** An item for streams, held requests and WebSockets. */
export function item(channel: string, content: string, more: object = {}): object {
  const formats = {
    'http-stream': { content: `${content}\n` },
    'http-response': { body: content },
    'ws-message': { content },
  };
  return { channel, formats, ...more };
}

/** An origin that holds clients on the channel in the query. */
function startHoldingOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const id = query.get('id');
    const channel = `${query.get('c')}${id === null ? '' : `; prev-id=${id}`}`;
    const hold = query.get('h') ?? 'stream';
    response.writeHead(200, { 'Grip-Hold': hold, 'Grip-Channel': channel }).end('open\n');
  });
}

/** Runs `holdfast pushpin` with this pushpin.conf, whose routes file leads to the origin. */
export async function startPushpinWorkers(
  t: TestContext,
  conf: string,
  clients: readonly string[],
): Promise<ProxyWorkers> {
  const origin = await startHoldingOrigin(t);
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  return new ProxyWorkers(t, { program, clients, controlUrl: '' }, origin, folder);
}

/** Starts a server with so many worker processes. */
export async function startWorkers(t: TestContext, workers: number, toml = ''): Promise<ProxyWorkers> {
  const origin = await startHoldingOrigin(t);
  const server = await runServer(t, ['--route', `* ${origin}`], `[server]\nworkers = ${workers}\n${toml}`);
  return new ProxyWorkers(t, server, origin);
}
