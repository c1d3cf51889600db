import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ControlSocket } from '../control/control-socket.ts';
import { CuttingRelay } from '../cutting-relay.ts';
import { freePorts } from '../free-ports.ts';
import { startHoldfast } from '../holdfast.ts';
import { NatsServer, startOneByOne } from '../nats.ts';
import type { LogRecord, Program } from '../program.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { NoticedLosses } from './noticed-losses.ts';

const SIZE = 3;

/** Milliseconds for which processes and connections are stopped, at least and at most. */
const [SHORT, LONG] = [1_000, 6_000];

/** Milliseconds that brokers have to find each other again. */
const SETTLED = 10_000;

/** A broker, and the relays in front of it. */
interface Member {
  readonly server: NatsServer;
  /** Its monitor port. */
  readonly monitor: string;
  /** Connections of the other brokers to it. */
  readonly routes: CuttingRelay;
}

/** A node of the built program that is started again when it was killed. */
export class FaultyNode {
  readonly name: string;
  readonly port: number;
  readonly control: number;
  /** Its control API. */
  readonly api: ControlSocket;
  /** Its connections to the brokers. */
  readonly relays: readonly CuttingRelay[];
  /** How often it was started. */
  starts = 0;
  /** Runs that were killed. */
  readonly killed: string[] = [];
  /** When that was, in milliseconds since 1970. */
  readonly kills: number[] = [];
  /** The log of these runs. */
  readonly records: LogRecord[] = [];
  program: Program | null = null;
  readonly #t: TestContext;
  readonly #cwd: string;

  constructor(
    t: TestContext,
    name: string,
    ports: readonly [number, number],
    relays: readonly CuttingRelay[],
    config: string,
  ) {
    this.#t = t;
    this.name = name;
    [this.port, this.control] = ports;
    this.relays = relays;
    this.#cwd = temporaryFolder(t);
    const socket = join(this.#cwd, 'control.sock');
    this.api = new ControlSocket(t, socket);
    const nats = JSON.stringify(relays.map(({ address }) => `nats://${address}`));
    writeFileSync(
      join(this.#cwd, 'holdfast.toml'),
      `[server]
listen = ["127.0.0.1:${this.port}"]
[control]
listen = ["127.0.0.1:${this.control}", "unix:${socket}"]
[cluster]
nats = ${nats}
node = "${name}"
replicas = ${SIZE}
${config}`,
    );
  }

  /** Stands for the process that runs. */
  get run(): string {
    return `${this.name}.${this.starts}`;
  }

  /** Starts it, again and again while the brokers are no cluster. */
  async start(): Promise<void> {
    for (;;) {
      const program = startHoldfast(this.#t, ['run'], { cwd: this.#cwd });
      try {
        await program.logged('started');
        this.starts++;
        this.program = program;
        return;
      } catch {
        await program.ended;
      }
    }
  }

  async kill(): Promise<void> {
    const { program } = this;
    this.program = null;
    this.killed.push(this.run);
    this.kills.push(Date.now());
    program?.kill('SIGKILL');
    await program?.ended;
    this.records.push(...(program?.log() ?? []));
  }
}

/** Three nodes and three brokers of which any may die, stop, or lose its connections, and come back. */
export class FaultyCluster {
  readonly nodes: readonly FaultyNode[];
  readonly brokers: readonly Member[];
  /** What has happened, with the milliseconds since the beginning. */
  readonly steps: string[] = [];
  readonly #random: SeededRandom;
  readonly #began = performance.now();
  readonly #busy = new Set<object>();
  #waiters: (() => void)[] = [];

  private constructor(random: SeededRandom, brokers: readonly Member[], nodes: readonly FaultyNode[]) {
    this.#random = random;
    this.brokers = brokers;
    this.nodes = nodes;
  }

  /** @param path of nats-server @param config more of the configuration of the nodes */
  static async start(t: TestContext, random: SeededRandom, path: string, config: string): Promise<FaultyCluster> {
    const ports = await freePorts(5 * SIZE);
    const take = (): number => ports.pop() as number;
    const listeners = Array.from({ length: SIZE }, take);
    const routes = await Promise.all(listeners.map((port) => CuttingRelay.start(t, `127.0.0.1:${port}`)));
    // As servers name each other. Otherwise they may never connect again (nats-server, pull request 8454), and then no node can make up for that.
    const urls = routes.map(({ address }) => `nats-route://${address}/`);
    const brokers = routes.map((relay, index) => {
      const monitor = take();
      const cluster = `name: c, listen: "127.0.0.1:${listeners[index]}", advertise: "${relay.address}", no_advertise: true, routes: ${JSON.stringify(urls)}`;
      const config = `server_name: b${index}\nhttp: "127.0.0.1:${monitor}"\ncluster { ${cluster} }\n`;
      return {
        server: new NatsServer(t, path, take(), { config }),
        monitor: `http://127.0.0.1:${monitor}`,
        routes: relay,
      };
    });
    await startOneByOne(brokers.map(({ server }) => server));
    const nodes: FaultyNode[] = [];
    for (let index = 0; index < SIZE; index++) {
      const own = [...brokers.slice(index), ...brokers.slice(0, index)];
      const relays = await Promise.all(
        own.map(({ server }) => CuttingRelay.start(t, server.url.slice('nats://'.length))),
      );
      nodes.push(new FaultyNode(t, `n${index}`, [take(), take()], relays, config));
    }
    const cluster = new FaultyCluster(random, brokers, nodes);
    await Promise.all(nodes.map((node) => node.start()));
    return cluster;
  }

  /** Milliseconds since the beginning. */
  get time(): number {
    return Math.round(performance.now() - this.#began);
  }

  /** What nodes have noticed so far. */
  get losses(): NoticedLosses {
    const { nodes } = this;
    return new NoticedLosses(
      nodes.flatMap(({ records, program }) => [...records, ...(program?.log() ?? [])]),
      nodes.flatMap(({ kills }) => kills),
    );
  }

  get running(): readonly FaultyNode[] {
    return this.nodes.filter(({ program }) => program !== null);
  }

  /** Of some node that runs. */
  get port(): number {
    return this.#random.pick(this.running.length > 0 ? this.running : this.nodes).port;
  }

  /** Resolves when a node runs. */
  async up(): Promise<void> {
    while (this.running.length === 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Has faults come for so many milliseconds, and resolves when all is well again. */
  async suffer(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    const faults: Promise<void>[] = [];
    while (performance.now() < end) {
      faults.push(this.#fault());
      await setTimeout(300 + this.#random.below(2_000));
    }
    let over = false;
    const last = Promise.all(faults).then(() => {
      over = true;
    });
    // A node that starts needs brokers that are one cluster.
    while (!over) {
      await Promise.race([last, setTimeout(SETTLED)]);
      await this.#joinBrokers();
    }
    while (!(await this.#joinBrokers())) await setTimeout(SETTLED);
    this.#step('all is well');
  }

  /**
   * Restarts a broker that has no connection to another one although neither is at fault any more: older servers do not always find each other again (nats-server, pull request 8454), and no node can make up for that.
   * Returns whether there was none.
   */
  async #joinBrokers(): Promise<boolean> {
    for (const [index, broker] of this.brokers.entries()) {
      const names = this.brokers.map((_, other) => `b${other}`).filter((_, other) => other !== index);
      if (this.brokers.some((each) => this.#busy.has(each))) return false;
      const known = await routesOf(broker).catch(() => null);
      // It has not answered in time.
      if (known === null) return false;
      if (names.every((name) => known.has(name))) continue;
      this.#step(`broker ${index} does not find the others: restart`);
      await broker.server.kill();
      await broker.server.start();
      return false;
    }
    return true;
  }

  async #fault(): Promise<void> {
    const node = this.#random.pick(this.nodes);
    const broker = this.#random.pick(this.brokers);
    const time = SHORT + this.#random.below(LONG - SHORT);
    const kind = this.#random.below(8);
    // With two brokers at fault at a time the others could do nothing.
    const [one, busy] =
      kind < 4
        ? [node, this.nodes.filter((each) => this.#busy.has(each)).length > 1]
        : [broker, this.brokers.some((each) => this.#busy.has(each))];
    if (busy || this.#busy.has(one)) return;
    this.#busy.add(one);
    const name = one === node ? node.name : `broker ${this.brokers.indexOf(broker)}`;
    try {
      switch (kind) {
        case 0:
          this.#step(`kill ${name}`);
          await node.kill();
          await setTimeout(this.#random.below(2_000));
          await node.start();
          this.#step(`${name} is back`);
          for (const resolve of this.#waiters.splice(0)) resolve();
          break;
        case 1:
          this.#step(`stop ${name} for ${time}`);
          node.program?.kill('SIGSTOP');
          await setTimeout(time);
          node.program?.kill('SIGCONT');
          break;
        case 2:
          this.#step(`cut ${name}`);
          for (const relay of node.relays) relay.cut();
          break;
        case 3:
          await this.#stall(name, node.relays, time);
          break;
        case 4:
          this.#step(`kill ${name}`);
          await broker.server.kill();
          await setTimeout(this.#random.below(3_000));
          await broker.server.start();
          this.#step(`${name} is back`);
          break;
        case 5:
          this.#step(`stop ${name} for ${time}`);
          await broker.server.stop();
          await setTimeout(time);
          broker.server.resume();
          break;
        case 6:
          this.#step(`cut routes of ${name}`);
          broker.routes.cut();
          break;
        default:
          await this.#stall(`routes of ${name}`, [broker.routes], time);
      }
    } finally {
      this.#busy.delete(one);
    }
  }

  async #stall(name: string, relays: readonly CuttingRelay[], time: number): Promise<void> {
    this.#step(`stall ${name} for ${time}`);
    for (const relay of relays) relay.stall();
    await setTimeout(time);
    for (const relay of relays) relay.goOn();
  }

  #step(what: string): void {
    this.steps.push(`${this.time}: ${what}`);
  }
}

/** Names of the brokers to which a broker is connected. */
async function routesOf({ monitor }: Member): Promise<ReadonlySet<string>> {
  const response = await fetch(`${monitor}/routez`, { signal: AbortSignal.timeout(5_000) });
  const { routes } = (await response.json()) as { readonly routes: readonly { readonly remote_name: string }[] };
  return new Set(routes.map(({ remote_name }) => remote_name));
}
