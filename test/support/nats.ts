import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { jetstreamManager, StorageType } from '@nats-io/jetstream';
import { type ConnectionOptions, connect } from '@nats-io/transport-node';
import { freePorts } from './free-ports.ts';
import { requirePeer } from './peers.ts';
import { type Ended, Program } from './program.ts';
import { standStill } from './stand-still.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** How a NATS server is started. */
export interface NatsOptions {
  /** Whether it has JetStream. Default: true. */
  readonly jetstream?: boolean;
  /** More of its configuration file. */
  readonly config?: string;
}

/** A real NATS server on the loopback address, which can be killed and started again with what it has stored. It ends with the test. */
export class NatsServer {
  readonly url: string;
  /** What it has stored. */
  readonly folder: string;
  readonly #t: TestContext;
  readonly #path: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  #program: Program | null = null;

  constructor(t: TestContext, path: string, port: number, { jetstream = true, config = '' }: NatsOptions = {}) {
    this.url = `nats://127.0.0.1:${port}`;
    this.#t = t;
    this.#path = path;
    // Before its folder is removed.
    t.after(() => this.#program && this.kill());
    this.#folder = temporaryFolder(t, { 'nats.conf': `listen: "127.0.0.1:${port}"\n${config}` });
    this.folder = join(this.#folder, 'store');
    this.#args = jetstream ? ['-js', '-sd', this.folder] : [];
  }

  /** Starts it, and waits until it takes connections. */
  async start(): Promise<void> {
    // It writes its log to the standard error.
    const args = ['-c', 'exec "$0" "$@" 2>&1', this.#path, '-c', join(this.#folder, 'nats.conf'), ...this.#args];
    this.#program = new Program(this.#t, '/bin/sh', args);
    await this.#program.output(/Server is ready/);
  }

  /** Resolves when its log says this. */
  async logged(pattern: RegExp): Promise<void> {
    await (this.#program as Program).output(pattern);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<Ended> {
    const program = this.#program as Program;
    program.kill('SIGKILL');
    return await program.ended;
  }

  /** Stops its process until `resume`. */
  async stop(): Promise<void> {
    await standStill((this.#program as Program).pid);
  }

  resume(): void {
    this.#program?.kill('SIGCONT');
  }
}

/** Starts a NATS server. Null where there is none: the test is skipped. */
export async function startNats(t: TestContext, options: NatsOptions = {}): Promise<NatsServer | null> {
  const path = requirePeer(t, 'nats-server');
  if (path === null) return null;
  const [port] = (await freePorts(1)) as [number];
  const server = new NatsServer(t, path, port, options);
  await server.start();
  return server;
}

/** Starts three servers that are one cluster, which takes streams of three replicas. Null where there are none: the test is skipped. @param more of the configuration of each @param access of who may make streams */
export async function startNatsCluster(
  t: TestContext,
  more = '',
  access: ConnectionOptions = {},
): Promise<readonly NatsServer[] | null> {
  const path = requirePeer(t, 'nats-server');
  if (path === null) return null;
  const ports = await freePorts(6);
  // As servers name each other: otherwise they may never connect again (nats-server, pull request 8454).
  const routes = ports.slice(3).map((port) => `nats-route://127.0.0.1:${port}/`);
  const servers = [0, 1, 2].map((index) => {
    const config = `server_name: n${index}\ncluster { name: c, listen: "127.0.0.1:${ports[index + 3]}", routes: ${JSON.stringify(routes)} }\n${more}`;
    return new NatsServer(t, path, ports[index] as number, { config });
  });
  await startOneByOne(servers);
  await untilWhole(servers, access);
  return servers;
}

/** Starts the servers of a cluster for the first time. Of three that start in the same moment, in one of fifty cases two agree on a group without the third one, which never comes in (nats-server 2.10): no stream has three replicas then. */
export async function startOneByOne(servers: readonly NatsServer[]): Promise<void> {
  for (const server of servers) {
    await server.start();
    // It is ready before it has looked for the others.
    await setTimeout(400);
  }
}

/** Resolves when a stream of three replicas can be made: servers that are ready learn of each other later, on a busy machine after half a minute. */
export async function untilWhole(servers: readonly NatsServer[], access: ConnectionOptions = {}): Promise<void> {
  const connection = await connect({ ...access, servers: servers.map(({ url }) => url) });
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  const name = 'whole';
  for (let made = false; !made; ) {
    made = await streams.add({ name, subjects: [name], storage: StorageType.Memory, num_replicas: 3 }).then(
      () => true,
      () => false,
    );
    if (!made) await setTimeout(50);
  }
  await streams.delete(name);
  await connection.close();
}
