import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { Handler, type HandlerSession } from '../support/edge/handler.ts';
import { ReqHandler } from '../support/edge/req-handler.ts';
import { connectTo } from '../support/raw-client.ts';
import { Upgraded } from '../support/upgraded.ts';

const FAILED = 'upgrade failed: the new process did not take over, this one goes on';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

/** The status and body of a response, or the code of the failure. */
function exchange(agent: Agent, address: string, path: string, body: string | null): Promise<string> {
  return new Promise((resolve) => {
    const [host, port] = address.split(':');
    const method = body === null ? 'GET' : 'POST';
    const sent = request({ agent, host, port, path, method }, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body ?? undefined);
  });
}

/** Clients that send requests one after the other, each with a path of its own, until they are stopped. */
class Load {
  /** What went wrong. */
  readonly failures: string[] = [];
  count = 0;
  #stopped = false;
  readonly #clients: Promise<void>[] = [];
  readonly #agents: Agent[] = [];

  constructor(t: TestContext) {
    t.after(() => {
      for (const agent of this.#agents) agent.destroy();
    });
  }

  add(address: string, keepAlive: boolean, withBody: boolean): void {
    const agent = new Agent({ keepAlive });
    this.#agents.push(agent);
    this.#clients.push(this.#run(agent, address, withBody));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(agent: Agent, address: string, withBody: boolean): Promise<void> {
    while (!this.#stopped) {
      const path = `/${++this.count}`;
      const body = withBody ? `body of ${path} `.repeat(50) : null;
      const got = await exchange(agent, address, path, body);
      if (got !== `200 ${path} ${body ?? ''}`) this.failures.push(`${path}: ${got.slice(0, 100)}`);
    }
  }
}

/** What handlers were asked for: how often each path came. */
class Asked {
  readonly #counts = new Map<string, number>();

  add(path: string): void {
    this.#counts.set(path, (this.#counts.get(path) ?? 0) + 1);
  }

  get size(): number {
    return this.#counts.size;
  }

  get repeated(): readonly string[] {
    return [...this.#counts].filter(([, count]) => count > 1).map(([path]) => path);
  }
}

async function serve(handler: Handler, asked: Asked): Promise<void> {
  for (;;) void respond(await handler.request(), asked);
}

async function respond(session: HandlerSession, asked: Asked): Promise<void> {
  const { first } = session;
  const path = new URL(first.uri).pathname;
  asked.add(path);
  let { body } = first;
  if (first.more) {
    await session.send({ type: 'credit', credits: 65_536 });
    body = Buffer.concat([body, await session.takeBody()]);
  }
  await session.respond(`${path} ${body}`);
}

async function serveReq(handler: ReqHandler, asked: Asked): Promise<void> {
  for (;;) {
    const { packet, respond } = await handler.request();
    const path = new URL(packet.uri).pathname;
    asked.add(path);
    await respond({ code: 200, reason: 'OK', body: Buffer.from(`${path} ${packet.body}`) });
  }
}

function upgraded(t: TestContext, edge: Edge): Upgraded {
  return new Upgraded(t, edge.program);
}

test('handlers stay connected through upgrades under load, and each request is made and answered once', {
  skip: SKIP,
}, async (t) => {
  const edge = await startEdge(t, ['--listen', '127.0.0.1:0,stream', '--listen', '127.0.0.1:0,req']);
  const server = upgraded(t, edge);
  const [stream = '', req = ''] = edge.addresses;
  const handlers = await Promise.all(['h1', 'h2', 'h3'].map((id) => Handler.start(t, edge.base, { id })));
  const reqHandler = await ReqHandler.start(t, edge.reqEndpoint);
  const asked = new Asked();
  for (const handler of handlers) void serve(handler, asked);
  void serveReq(reqHandler, asked);
  const load = new Load(t);
  for (const keepAlive of [true, false]) {
    for (const withBody of [true, false]) {
      load.add(stream, keepAlive, withBody);
      load.add(req, keepAlive, withBody);
    }
  }
  for (let i = 0; i < 5; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
    const moves = edge.program.log().filter(({ msg }) => msg === 'zmq peers moved to the new process');
    // Three connections of each of three handlers, and one of the other.
    assert.deepEqual(moves.map(({ moved, stay }) => [moved, stay])[i], [10, 0]);
    // Some requests in each process.
    const { count } = load;
    while (load.count < count + 100) await nextTurn();
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.deepEqual([asked.size, asked.repeated], [load.count, []]);
  assert.deepEqual(
    [...handlers, reqHandler].map(({ disconnections }) => disconnections),
    [0, 0, 0, 0],
  );
  for (const { strays } of handlers)
    assert.deepEqual(
      strays.all.filter(({ type }) => type !== 'cancel'),
      [],
    );
  await server.stop();
  assert.deepEqual(edge.errors(), []);
});

test('a new process that is killed leaves the old one serving, and the next upgrade succeeds', {
  skip: SKIP,
}, async (t) => {
  const edge = await startEdge(t);
  const server = upgraded(t, edge);
  const handlers = await Promise.all(['h1', 'h2'].map((id) => Handler.start(t, edge.base, { id })));
  const asked = new Asked();
  for (const handler of handlers) void serve(handler, asked);
  const old = server.pid;
  const taken = 'zmq peers taken from the old process';
  for (const phase of ['upgrade: new process started', taken, taken]) {
    const failures = edge.program.log().filter(({ msg }) => msg === FAILED).length;
    // A peer that says nothing keeps the old process from being done for a second.
    const stranger = connect(`${edge.folder}/client-in`);
    await once(stranger, 'connect');
    process.kill(old, 'SIGUSR2');
    const pid = await server.started();
    await edge.program.logged(phase, (record) => record.pid === pid);
    process.kill(pid, 'SIGKILL');
    while (edge.program.log().filter(({ msg }) => msg === FAILED).length === failures) await nextTurn();
    stranger.destroy();
    const agent = new Agent({ keepAlive: false });
    const paths = Array.from({ length: 10 }, (_, i) => `/${pid}-${i}`);
    const got = await Promise.all(paths.map((path) => exchange(agent, edge.address, path, null)));
    assert.deepEqual(
      got,
      paths.map((path) => `200 ${path} `),
    );
  }
  assert.equal(server.pid, old);
  await server.upgrade();
  await server.gone(old);
  assert.equal(await exchange(new Agent(), edge.address, '/end', null), '200 /end ');
  assert.deepEqual(asked.repeated, []);
  await server.stop();
});

test('sessions of the old process go on with handlers that are connected to the new one', { skip: SKIP }, async (t) => {
  const edge = await startEdge(t);
  const server = upgraded(t, edge);
  const handler = await Handler.start(t, edge.base);
  for (let i = 0; i < 3; i++) {
    const client = await connectTo(t, edge.address);
    client.write('POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const session = await handler.request();
    await session.send({ code: 200, more: true, credits: 1_000_000 });
    await client.takeHead();
    let ticks = 0;
    let going = true;
    const ticking = (async () => {
      while (going) {
        const text = `tick ${ticks++}\n`;
        await session.hasCredits(text.length);
        await session.send({ body: Buffer.from(text), more: true });
        await nextTurn();
      }
    })();
    let received = '';
    let sent = '';
    let number = 0;
    const old = server.pid;
    const upgrading = server.upgrade().then(() => {
      going = false;
    });
    const uploading = (async () => {
      while (going || number < 20) {
        const text = `part ${number++}\n`;
        sent += text;
        client.write(`${text.length.toString(16)}\r\n${text}\r\n`);
        await nextTurn();
        if (number > 10_000) await upgrading;
      }
      client.write('0\r\n\r\n');
    })();
    const taking = (async () => {
      let body = '';
      while (true) {
        const { body: part, more } = await session.next('data');
        body += part;
        if (!more) return body;
      }
    })();
    await Promise.all([upgrading, ticking, uploading]);
    assert.equal(await taking, sent);
    await session.send({ body: Buffer.from('last') });
    for (let chunk = await client.takeChunk(); chunk !== ''; chunk = await client.takeChunk()) received += chunk;
    const all = Array.from({ length: ticks }, (_, tick) => `tick ${tick}\n`).join('');
    assert.equal(received, `${all}last`);
    client.socket.destroy();
    await server.gone(old);
  }
  assert.equal(handler.disconnections, 0);
  await server.stop();
  assert.deepEqual(edge.errors(), []);
});
