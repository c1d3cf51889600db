import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { TimerWheel } from '../../../src/clock/index.ts';
import { ServerCounters } from '../../../src/exchange/index.ts';
import { AddressSet, DEFAULT_TLS_LIMITS, listen, peerOf, type TlsSettings } from '../../../src/net/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { Identities } from './tls-support.ts';

const LINE = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';

/** A listener that keeps what it accepts. */
class Rig {
  readonly accepted: Socket[] = [];
  readonly counters = new ServerCounters();
  readonly log = new FakeLog();
  readonly #t: TestContext;
  #failures = 0;
  port = 0;
  close = () => {};

  constructor(t: TestContext) {
    this.#t = t;
  }

  async start({ trusted = '127.0.0.1', tls }: { trusted?: string; tls?: TlsSettings } = {}): Promise<void> {
    const wheel = new TimerWheel();
    const accept = (socket: Socket) => this.accepted.push(socket.on('error', () => {}));
    const { counters, log } = this;
    const proxyProtocol = { trusted: new AddressSet([trusted]), wheel, counters, log };
    const listener = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, 16_384, accept, { proxyProtocol, tls });
    this.port = listener.port;
    this.close = listener.close;
    this.#t.after(() => {
      listener.close();
      wheel.stop();
      for (const socket of this.accepted) socket.destroy();
    });
  }

  client(): Socket {
    const socket = connect(this.port, '127.0.0.1').on('error', () => {});
    this.#t.after(() => socket.destroy());
    return socket;
  }

  async next(): Promise<Socket> {
    while (this.accepted.length === 0) await turn();
    return this.accepted.shift() as Socket;
  }

  /** What the log says of the next connection that failed. */
  failure(): Promise<Record<string, unknown>> {
    return this.log.heard('connection without a PROXY header closed', ++this.#failures);
  }
}

async function start(t: TestContext, options?: { trusted?: string; tls?: TlsSettings }): Promise<Rig> {
  const rig = new Rig(t);
  await rig.start(options);
  return rig;
}

async function take(socket: Socket, length: number): Promise<string> {
  let text = '';
  while (text.length < length) text += String((await once(socket, 'data'))[0]);
  return text;
}

test('a connection is handed on with its client and with what follows the header', async (t) => {
  const rig = await start(t);
  const client = rig.client();
  client.write(`${LINE}hello`);
  const socket = await rig.next();
  assert.deepEqual(peerOf(socket), { address: '192.0.2.1', port: 56_324 });
  assert.equal(await take(socket, 5), 'hello');
  client.write(' again');
  assert.equal(await take(socket, 6), ' again');
  socket.write('answer');
  assert.equal(await take(client, 6), 'answer');
  assert.equal(socket.listenerCount('readable') + socket.listenerCount('close'), 0);
  assert.equal(rig.counters.proxyHeadersFailed, 0);
});

test('a header may come in pieces', async (t) => {
  const rig = await start(t);
  const client = rig.client();
  client.setNoDelay();
  for (const piece of LINE) {
    client.write(piece);
    await turn();
  }
  client.end('x');
  const socket = await rig.next();
  assert.equal(peerOf(socket).address, '192.0.2.1');
  assert.equal(await take(socket, 1), 'x');
  await once(socket, 'end');
});

test('an IPv4 address written as IPv6 is an IPv4 address; UNKNOWN keeps the address of the proxy', async (t) => {
  const rig = await start(t);
  rig.client().write('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n');
  assert.equal(peerOf(await rig.next()).address, '192.0.2.1');
  rig.client().write('PROXY UNKNOWN\r\n');
  assert.equal(peerOf(await rig.next()).address, '127.0.0.1');
});

test('TLS begins after the header, in the same packet too', async (t) => {
  const { identities } = new Identities(t, { localhost: 'one' }, { defaultName: 'localhost' });
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const rig = await start(t, { tls: { identities, ...DEFAULT_TLS_LIMITS, wheel } });
  const plain = rig.client();
  await once(plain, 'connect');
  // Held back, so that the header and the beginning of the handshake travel together.
  plain.cork();
  plain.write(LINE);
  const client = connectTls({ socket: plain, rejectUnauthorized: false, servername: 'localhost' });
  t.after(() => client.destroy());
  plain.uncork();
  client.write('hello');
  const socket = await rig.next();
  assert.deepEqual(peerOf(socket), { address: '192.0.2.1', port: 56_324 });
  assert.equal(await take(socket, 5), 'hello');
});

test('a connection from elsewhere is closed', async (t) => {
  const rig = await start(t, { trusted: '10.0.0.0/8' });
  const client = rig.client();
  client.write(LINE);
  await once(client, 'close');
  assert.deepEqual(await rig.failure(), {
    reason: 'untrusted',
    detail: '',
    peer: '127.0.0.1',
    failed: 1,
  });
  assert.deepEqual(rig.accepted, []);
  assert.equal(rig.counters.proxyHeadersFailed, 1);
});

test('a flood of connections gets ten warnings a second for each reason', async (t) => {
  const advance = manualClock(t);
  const rig = await start(t);
  const fail = async (times: number) => {
    for (let i = 0; i < times; i++) {
      rig.client().write('GET ');
      await rig.failure();
    }
  };
  const warnings = () => rig.log.at('warn').map(({ fields }) => fields.failed);
  await fail(15);
  assert.deepEqual(warnings(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  rig.client().write('PROXY');
  for (let turns = 0; turns < 50; turns++) await turn();
  advance(10);
  assert.equal((await rig.failure()).reason, 'timeout');
  await fail(1);
  assert.deepEqual(warnings().slice(10), [16, 17]);
});

test('a connection that begins with something else is closed', async (t) => {
  const rig = await start(t);
  const client = rig.client();
  client.write('GET / HTTP/1.1\r\n');
  await once(client, 'close');
  const { reason, detail } = await rig.failure();
  assert.deepEqual([reason, detail], ['malformed', 'does not begin with a PROXY header']);
});

test('a peer that leaves within the header is counted', async (t) => {
  const rig = await start(t);
  rig.client().end('PROXY');
  assert.equal((await rig.failure()).reason, 'closed');
  const client = rig.client();
  await once(client, 'connect');
  client.resetAndDestroy();
  assert.equal((await rig.failure()).reason, 'closed');
});

test('a header that takes more than 10 s, and one that is awaited at the end', async (t) => {
  const advance = manualClock(t);
  const rig = await start(t);
  const client = rig.client();
  client.write('PROXY');
  await once(client, 'connect');
  for (let turns = 0; turns < 50; turns++) await turn();
  advance(10);
  assert.equal((await rig.failure()).reason, 'timeout');
  const other = rig.client();
  await once(other, 'connect');
  for (let turns = 0; turns < 50; turns++) await turn();
  rig.close();
  assert.equal((await rig.failure()).reason, 'closed');
});

test('4,096 headers are awaited, and one more connection is closed', async (t) => {
  const rig = await start(t);
  const clients = Array.from({ length: 4_096 }, () => rig.client());
  await Promise.all(clients.map((client) => once(client, 'connect')));
  const last = rig.client();
  await once(last, 'close');
  assert.equal((await rig.failure()).reason, 'overload');
  clients[0]?.write(LINE);
  await rig.next();
});
