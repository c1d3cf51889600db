import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { decode, encode, type TnetstringInput, type TnetstringValue } from '../../../src/codec/tnetstring/index.ts';
import type { ConnectionStatus } from '../../../src/mongrel2/connection-report.ts';
import { type ControlledServer, ControlPort } from '../../../src/mongrel2/control-port.ts';
import type { ReqSocket } from '../../../src/zmq/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { portOf } from '../../support/port-of.ts';
import { type Opened, ZmqRig } from '../../support/zmq/zmq-rig.ts';

const INFO = {
  port: 6767,
  bindAddress: '0.0.0.0',
  uuid: 'f400bf85-4538-4f7a-8908-67e313d515c2',
  root: '/srv/site',
  accessLog: '/logs/access.log',
  errorLog: '',
  pidFile: '/run/mongrel2.pid',
  defaultHost: 'localhost',
};

/** A server that notes what it is asked to do. */
class FakeServer implements ControlledServer {
  readonly info = INFO;
  readonly version = '0.9';
  readonly calls: string[] = [];
  readonly open = new Map<number, ConnectionStatus>();
  reloads = true;

  get connectionCount(): number {
    return this.open.size;
  }

  connections(): Iterable<ConnectionStatus> {
    return this.open.values();
  }

  kill(id: number): boolean {
    this.calls.push(`kill ${id}`);
    return this.open.delete(id);
  }

  stop(): void {
    this.calls.push('stop');
  }

  terminate(): void {
    this.calls.push('terminate');
  }

  reload(): boolean {
    this.calls.push('reload');
    return this.reloads;
  }

  connect(id: number, type: ConnectionStatus['type'] = 'http'): void {
    const times = { lastPing: 1, lastRead: 2, lastWrite: 3 };
    this.open.set(id, { id, type, ...times, bytesRead: 40, bytesWritten: 500 });
  }
}

class Rig {
  readonly server = new FakeServer();
  readonly zmq: ZmqRig;
  readonly counters = { faults: 0 };
  readonly port: ControlPort;
  endpoint = '';
  readonly #requester: Opened<ReqSocket>;

  private constructor(t: TestContext) {
    this.zmq = new ZmqRig(t);
    const { wheel, log, counters: zmqCounters } = this.zmq;
    this.port = new ControlPort({ server: this.server, wheel, log, zmqCounters, counters: this.counters });
    t.after(() => this.port.close());
    this.#requester = this.zmq.req();
  }

  static async open(t: TestContext): Promise<Rig> {
    const rig = new Rig(t);
    rig.endpoint = await rig.port.open('tcp://127.0.0.1:0');
    rig.#requester.socket.connect(rig.endpoint);
    await rig.zmq.connected(2);
    return rig;
  }

  /** The reply to a message, with texts instead of bytes. */
  async send(message: Buffer): Promise<unknown> {
    assert.equal(this.#requester.socket.send([message]), true);
    return plain(decode(Buffer.from(await this.#requester.messages.next(), 'latin1')));
  }

  command(name: TnetstringInput, args: TnetstringInput = {}): Promise<unknown> {
    return this.send(encode([name, args]));
  }

  /** Name of the failure that a command ends with. */
  async failure(reply: Promise<unknown>): Promise<string> {
    const { code, error, ...more } = (await reply) as { code: string; error: string };
    assert.deepEqual([typeof error, more], ['string', {}]);
    return code;
  }
}

function plain(value: TnetstringValue): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

test('info, uuid and version are tables of one row', async (t) => {
  const rig = await Rig.open(t);
  assert.deepEqual(await rig.command('info'), {
    headers: ['port', 'bind_addr', 'uuid', 'chroot', 'access_log', 'error_log', 'pid_file', 'default_hostname'],
    rows: [Object.values(INFO)],
  });
  assert.deepEqual(await rig.command('uuid'), { headers: ['uuid'], rows: [[INFO.uuid]] });
  assert.deepEqual(await rig.command('version'), { headers: ['version'], rows: [['0.9']] });
});

test('time is the time in seconds, as text', async (t) => {
  const rig = await Rig.open(t);
  t.mock.method(Date, 'now', () => 1_795_469_239_900);
  assert.deepEqual(await rig.command('time'), { headers: ['time'], rows: [['1795469239']] });
});

test('help lists every command', async (t) => {
  const rig = await Rig.open(t);
  const { headers, rows } = (await rig.command('help')) as { headers: string[]; rows: string[][] };
  assert.deepEqual(headers, ['name', 'help']);
  for (const [name] of rows) {
    if (name === 'control_stop') continue;
    const code = ((await rig.command(name as string)) as { code?: string }).code;
    assert.ok(code !== 'CALLBACK_NOT_FOUND', name);
  }
  assert.equal(rows.length, 11);
});

test('status lists the connections, and no tasks', async (t) => {
  const rig = await Rig.open(t);
  rig.server.connect(7);
  rig.server.connect(9, 'socket');
  assert.deepEqual(await rig.command('status', { what: 'net' }), {
    headers: ['id', 'fd', 'type', 'last_ping', 'last_read', 'last_write', 'bytes_read', 'bytes_written'],
    rows: [
      [7, -1, 1, 1, 2, 3, 40, 500],
      [9, -1, 3, 1, 2, 3, 40, 500],
    ],
  });
  assert.deepEqual(await rig.command('status', { what: 'tasks' }), {
    headers: ['id', 'system', 'name', 'state', 'status'],
    rows: [],
  });
});

test('a long list of connections is written over several turns of the event loop, while connections come and go', async (t) => {
  const rig = await Rig.open(t);
  for (let id = 0; id < 20_000; id++) rig.server.connect(id);
  let turns = 0;
  let asked = true;
  const reply = rig.command('status', { what: 'net' }).finally(() => {
    asked = false;
  });
  for (; asked; turns++) {
    rig.server.connect(30_000 + turns);
    rig.server.open.delete(19_000 + turns);
    await turn();
  }
  const { rows } = (await reply) as { rows: number[][] };
  assert.ok(turns >= 20, `${turns} turns`);
  assert.equal(new Set(rows.map(([id]) => id)).size, rows.length);
  assert.ok(rows.length <= 20_000 && rows.length > 18_000, `${rows.length} rows`);
});

test('kill cuts one connection', async (t) => {
  const rig = await Rig.open(t);
  rig.server.connect(7);
  assert.deepEqual(await rig.command('kill', { id: 7 }), { headers: ['status'], rows: [['OK']] });
  assert.equal(await rig.failure(rig.command('kill', { id: 7 })), 'NOT_CONNECTED');
  for (const id of ['7', -1, 7.5, null, true, [7]]) {
    assert.equal(await rig.failure(rig.command('kill', { id })), 'INVALID_ARGUMENT');
  }
  assert.equal(await rig.failure(rig.command('kill')), 'INVALID_ARGUMENT');
  assert.deepEqual(rig.server.calls, ['kill 7', 'kill 7']);
});

test('stop, terminate and reload get their reply, and are carried out', async (t) => {
  const rig = await Rig.open(t);
  const reply = { headers: ['msg'], rows: [['signal sent to server']] };
  for (const name of ['stop', 'terminate', 'reload']) assert.deepEqual(await rig.command(name), reply);
  assert.deepEqual(rig.server.calls, ['stop', 'terminate', 'reload']);
  rig.server.reloads = false;
  assert.equal(await rig.failure(rig.command('reload')), 'SIGNAL_FAILED');
});

test('control_stop gets its reply, and closes the port', async (t) => {
  const rig = await Rig.open(t);
  assert.deepEqual(await rig.command('control_stop'), { headers: ['msg'], rows: [['stopping the control port']] });
  const socket = connect(portOf(rig.endpoint), '127.0.0.1');
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('what is no command gets the name of its fault, and the port lives', async (t) => {
  const rig = await Rig.open(t);
  const cases: readonly [string | Buffer, string][] = [
    ['', 'INVALID_DATA'],
    ['garbage', 'INVALID_DATA'],
    ['5:abc', 'INVALID_DATA'],
    ['3:abc#', 'INVALID_DATA'],
    ['999999999:[', 'INVALID_DATA'],
    ['4:help,', 'INVALID_REQUEST'],
    ['0:]', 'INVALID_REQUEST'],
    [encode(['help']), 'INVALID_REQUEST'],
    [encode(['help', {}, {}]), 'INVALID_REQUEST'],
    [encode([1, {}]), 'INVALID_DATA'],
    [encode(['help', []]), 'INVALID_DATA'],
    [encode(['help', null]), 'INVALID_DATA'],
    [encode(['help', { a: [[[1]]] }]), 'INVALID_DATA'],
    [encode(['nonsense', {}]), 'CALLBACK_NOT_FOUND'],
    [encode(['constructor', {}]), 'CALLBACK_NOT_FOUND'],
    [encode(['status', {}]), 'INVALID_ARGUMENT'],
    [encode(['status', { what: 'other' }]), 'INVALID_ARGUMENT'],
    [encode(['status', { what: ['net'] }]), 'INVALID_ARGUMENT'],
  ];
  for (const [message, code] of cases) {
    assert.equal(await rig.failure(rig.send(Buffer.from(message))), code, String(message));
  }
  assert.deepEqual(await rig.command('uuid'), { headers: ['uuid'], rows: [[INFO.uuid]] });
});

test('a requester whose command is larger than 64 KiB is cut off', async (t) => {
  const rig = await Rig.open(t);
  const other = rig.zmq.req();
  other.socket.connect(rig.endpoint);
  await rig.zmq.connected(4);
  other.socket.send([encode(['help', { filler: 'x'.repeat(70_000) }])]);
  await other.writable.next();
  assert.equal(other.messages.all.length, 0);
});

test('a defect ends one command', async (t) => {
  const rig = await Rig.open(t);
  rig.server.kill = () => {
    throw new Error('defect');
  };
  assert.equal(await rig.failure(rig.command('kill', { id: 1 })), 'CALLBACK_RETURN');
  rig.server.connections = () => ({
    [Symbol.iterator]: () => ({
      next: () => {
        throw new Error('defect');
      },
    }),
  });
  rig.server.connect(1);
  assert.equal(await rig.failure(rig.command('status', { what: 'net' })), 'CALLBACK_RETURN');
  assert.equal(rig.counters.faults, 2);
});
