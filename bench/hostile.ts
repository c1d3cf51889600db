import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Subscriber } from 'zeromq';
import type { Bench, Run } from './support/bench.ts';
import { cProgram } from './support/c-program.ts';
import { startEdge } from './support/edges.ts';
import { startFetcher } from './support/fetchers.ts';
import { freePorts, listening } from './support/ports.ts';
import { compare, type Turn } from './support/rounds.ts';
import { SMALL_BODY, startNginxOrigin } from './support/servers.ts';
import { upgradeRequest } from './support/websocket.ts';

const PRELOAD = fileURLToPath(new URL('programs/loop-delay.mjs', import.meta.url));

/** No turn may take longer, in milliseconds. */
const LONGEST = 50;
const POLL_MS = 20;
const DEADLINE_MS = 60_000;

const STREAMS = 100;
/** So many items of one byte make a publish request of about 990 KB. */
const ITEMS = 16_779;
const HELD = 900;
/** A masked ping without data (RFC 6455 §5.5.2). */
const PING = Buffer.from([0x89, 0x80, 1, 2, 3, 4]);
const PINGS = 200_000;
const TOPICS = 1_024;

/** How long a turn of the event loop takes at most under input that is made to take long. */
export const hostile: Bench = {
  summary: 'longest turn of the event loop under hostile input; no peer',
  parts: {
    items: `one publish request with ${ITEMS} items of one byte on alternating channels, for ${STREAMS} streams`,
    patch: 'a body-patch of 24 operations, each of which doubles the document',
    recover: `${HELD} held requests that are all sent to their origin again`,
    pings: `${PINGS} empty pings of one WebSocket beside five others`,
    topics: `a SUB socket with ${TOPICS} topics of as many lengths, and requests for others`,
  },
  options: {},
  commands: ['nginx', 'cc'],
  peers: () => [],

  run(run) {
    const turn = { items, patch, recover, pings, topics }[run.part] as (run: Run) => Promise<number>;
    return compare({
      rounds: run.rounds,
      starts: 1,
      subjects: [
        {
          name: 'holdfast',
          turn: async (): Promise<Turn> => ({ figures: { longest: await turn(run) }, problems: [] }),
        },
      ],
      columns: [{ key: 'longest', title: 'longest turn ms', digits: 1 }],
      targets: [{ column: 'longest', peer: null, atMost: LONGEST }],
    });
  },
};

// ---- the proxy

interface Proxy {
  readonly port: number;
  readonly publishPort: number;
  /** Requests that the origin has had. */
  requests(): number;
  /** The longest turn since the last call, in milliseconds. */
  longest(): Promise<number>;
  stop(): Promise<void>;
}

/** Holdfast in front of an origin that holds `/stream/CHANNEL` as a stream and `/hold` as a response on the channel `held`. */
async function startProxy({ children, launcher }: Run): Promise<Proxy> {
  let requests = 0;
  const origin = createServer((incoming, response) => {
    requests++;
    const channel = /^\/stream\/(\w+)/.exec(incoming.url ?? '')?.[1];
    const hold =
      channel === undefined
        ? { 'Grip-Hold': 'response', 'Grip-Channel': 'held', 'Content-Type': 'application/json' }
        : { 'Grip-Hold': 'stream', 'Grip-Channel': channel, 'Content-Type': 'text/plain' };
    response.writeHead(200, hold).end(channel === undefined ? '{"a":[1]}' : '');
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const [port, publishPort] = (await freePorts(2)) as [number, number];
  const config = join(children.directory, `hostile-${port}.toml`);
  writeFileSync(
    config,
    `[server]\nlisten = ["127.0.0.1:${port}"]\n[control]\nlisten = ["127.0.0.1:${publishPort}"]\n[log]\nlevel = "error"\n` +
      `[[route]]\nhost = "*"\ntargets = ["127.0.0.1:${(origin.address() as AddressInfo).port}"]\n`,
  );
  const file = join(children.directory, `longest-${port}`);
  const child = children.start('holdfast', 'server', 'env', [
    `LOOP_DELAY_FILE=${file}`,
    process.execPath,
    ...['--import', PRELOAD, launcher, 'run', '--config', config],
  ]);
  await Promise.all([listening(port, 'holdfast'), listening(publishPort, 'holdfast')]);
  return {
    port,
    publishPort,
    requests: () => requests,
    longest: () => longestTurn(child.pid, file),
    stop: async () => {
      await child.stop();
      origin.close();
      origin.closeAllConnections();
    },
  };
}

async function items(run: Run): Promise<number> {
  const proxy = await startProxy(run);
  const agent = new Agent({ maxSockets: STREAMS });
  let bytes = 0;
  let heads = 0;
  for (let i = 0; i < STREAMS; i++) {
    const channel = i % 2 === 0 ? 'a' : 'b';
    get({ port: proxy.port, path: `/stream/${channel}`, agent }, (response) => {
      heads++;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', () => {});
    }).on('error', () => {});
  }
  await until(() => heads === STREAMS);
  await proxy.longest();
  const list = Array.from(
    { length: ITEMS },
    (_, i) => `{"channel":"${i % 2 === 0 ? 'a' : 'b'}","formats":{"http-stream":{"content":"x"}}}`,
  );
  await post(proxy.publishPort, '/publish/', `{"items":[${list.join(',')}]}`);
  // What a stream's queue has no room for is dropped, so not all need arrive.
  await untilStill(() => bytes);
  const longest = await proxy.longest();
  agent.destroy();
  await proxy.stop();
  return longest;
}

async function patch(run: Run): Promise<number> {
  const proxy = await startProxy(run);
  let answered = false;
  get({ port: proxy.port, path: '/hold' }, (response) => {
    response.resume().on('end', () => {
      answered = true;
    });
  }).on('error', () => {});
  await until(() => proxy.requests() === 1);
  await proxy.longest();
  const operations = Array.from({ length: 24 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
  const item = { channel: 'held', formats: { 'http-response': { 'body-patch': operations } } };
  await post(proxy.publishPort, '/publish/', JSON.stringify({ items: [item] }));
  await until(() => answered);
  const longest = await proxy.longest();
  await proxy.stop();
  return longest;
}

async function recover(run: Run): Promise<number> {
  const proxy = await startProxy(run);
  const agent = new Agent({ maxSockets: HELD });
  for (let i = 0; i < HELD; i++) get({ port: proxy.port, path: '/hold', agent }).on('error', () => {});
  await until(() => proxy.requests() === HELD);
  await proxy.longest();
  await post(proxy.publishPort, '/recover', '');
  await until(() => proxy.requests() === 2 * HELD);
  const longest = await proxy.longest();
  agent.destroy();
  await proxy.stop();
  return longest;
}

// ---- the edge and fetch

async function pings(run: Run): Promise<number> {
  const { children, launcher } = run;
  const file = join(children.directory, 'longest-edge');
  const program = { name: 'holdfast', command: 'env', args: preloaded(file, launcher, 'condure') };
  const edge = await startEdge(children, program, { mode: 'stream', connections: 10, workers: 1 });
  const sockets = await Promise.all(Array.from({ length: 6 }, () => openWebSocket(edge.port)));
  await longestTurn(edge.child.pid, file);
  const flood = Buffer.concat(Array.from({ length: 1_000 }, () => PING));
  const flooder = sockets[0] as Socket;
  let taken = 0;
  const write = (): void => {
    for (; taken < PINGS; taken += 1_000) if (!flooder.write(flood)) break;
    if (taken < PINGS) {
      taken += 1_000;
      flooder.once('drain', write);
    }
  };
  write();
  let received = 0;
  for (const socket of sockets) socket.on('data', (chunk) => (received += chunk.length));
  await untilStill(() => received + taken);
  const longest = await longestTurn(edge.child.pid, file);
  for (const socket of sockets) socket.destroy();
  await edge.stop();
  return longest;
}

async function topics(run: Run): Promise<number> {
  const { children, launcher } = run;
  const file = join(children.directory, 'longest-fetch');
  const program = { name: 'holdfast', command: 'env', args: preloaded(file, launcher, 'zurl'), like: 'zurl' as const };
  const origin = await startNginxOrigin(children);
  const fetcher = await startFetcher(children, program, 1);
  const subscriber = new Subscriber();
  subscriber.connect(`${fetcher.base}-out`);
  for (let length = 1; length <= TOPICS; length++) subscriber.subscribe('t'.repeat(length));
  const load = await cProgram(children, ['programs/fetch-load.c', 'handlers/zhttp.c'], ['zmq']);
  const ask = (seconds: number) =>
    children.run('fetch-load', 'load', load, [
      ...['push', fetcher.base, `http://127.0.0.1:${origin.port}/`],
      ...[SMALL_BODY, '50', String(seconds)],
    ]);
  await ask(1);
  await longestTurn(fetcher.child.pid, file);
  await ask(2);
  const longest = await longestTurn(fetcher.child.pid, file);
  subscriber.close();
  await fetcher.child.stop();
  await origin.child.stop();
  return longest;
}

function preloaded(file: string, launcher: string, command: string): string[] {
  return [`LOOP_DELAY_FILE=${file}`, process.execPath, '--import', PRELOAD, launcher, command];
}

// ---- what all use

async function longestTurn(pid: number, file: string): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
  const longest = Number(readFileSync(file, 'utf8'));
  rmSync(file);
  return longest;
}

async function until(reached: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!reached()) {
    if (performance.now() > deadline) throw new Error(`nothing happened for ${DEADLINE_MS / 1000} s`);
    await delay(POLL_MS);
  }
}

/** Waits until a figure has stayed the same for a second. */
async function untilStill(figure: () => number): Promise<void> {
  for (let last = Number.NaN; last !== figure(); ) {
    last = figure();
    await delay(1_000);
  }
}

function post(port: number, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    request({ port, path, method: 'POST', headers }, (response) => {
      response.resume().on('end', resolve);
    })
      .on('error', reject)
      .end(body);
  });
}

function openWebSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(upgradeRequest(port, '/')));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
  });
}
