import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Mongrel2Role, newMongrel2Counters } from '../../src/app/mongrel2-role.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import type { Mongrel2Handler } from '../../src/config/index.ts';
import { FakeLog } from '../support/fake-log.ts';
import { handlerOf, siteOf } from '../support/mongrel2/site.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SOURCES = fileURLToPath(new URL('./mongrel2/', import.meta.url));

/** Handlers written from the protocol, each with the form of headers that it reads. */
interface Handlers {
  readonly protocol: Mongrel2Handler['protocol'];
  /** Starts a process; null if the machine lacks what it needs. */
  readonly start: (t: TestContext, args: readonly string[], input?: PassThrough) => Program | null;
}

const PYTHON: Handlers = {
  protocol: 'json',
  start: (t, args, input = new PassThrough()) => {
    if (requirePeer(t, 'python3-zmq') === null) return null;
    return new Program(t, '/usr/bin/python3', ['-B', `${SOURCES}handler.py`, ...args], { input });
  },
};

const C: Handlers = {
  protocol: 'tnetstring',
  start: (t, args, input = new PassThrough()) => {
    if (requirePeer(t, 'gcc') === null || requirePeer(t, 'libzmq-dev') === null) return null;
    const program = join(temporaryFolder(t), 'handler');
    execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, `${SOURCES}handler.c`, '-lzmq']);
    return new Program(t, program, args, { input });
  },
};

/** A site with one handler at `/h`. */
async function startSite(t: TestContext, protocol: Mongrel2Handler['protocol']) {
  const wheel = new TimerWheel();
  const log = new FakeLog();
  const counters = newMongrel2Counters();
  const handler = handlerOf({ protocol, recvIdent: 'SERVER' });
  const server = siteOf([{ path: '/h', target: handler }]);
  const role = new Mongrel2Role({ server, wheel, log, counters });
  await role.start();
  t.after(async () => {
    role.drain();
    await role.stop();
    wheel.stop();
  });
  const [send = '', recv = ''] = role.endpoints;
  return { role, send, recv, log, counters };
}

/** The process that answers, and what it is told. */
class Answerer {
  readonly #input: PassThrough;

  constructor(input: PassThrough) {
    this.#input = input;
  }

  /** Sends one message for each 128 connections. @param text with escapes for CR and LF */
  answer(ids: readonly string[], text: string): void {
    for (let from = 0; from < ids.length; from += 128) this.one(ids.slice(from, from + 128), text);
  }

  /** Sends one message, whatever it names. */
  one(ids: readonly string[], text: string): void {
    this.#input.write(`${ids.join(' ')}\t${text}\n`);
  }
}

/** What the taking process has printed, beside `ready`: words of each line. */
async function taken(taker: Program, count: number): Promise<string[][]> {
  await taker.output(new RegExp(`^ready\\n(?:.+\\n){${count}}`));
  return taker.stdout
    .split('\n')
    .slice(1, count + 1)
    .map((line) => line.split(' '));
}

const REQUEST = 'GET /h?x=1 HTTP/1.1\r\nHost: localhost\r\nX-Odd: \t"\\\xe9\r\n\r\n';
const HEAD = 'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n';

async function start(t: TestContext, taking: Handlers, answering: Handlers) {
  const site = await startSite(t, taking.protocol);
  const input = new PassThrough();
  const taker = taking.start(t, ['take', site.send]);
  const answerer = answering.start(t, ['answer', site.recv, 'SERVER'], input);
  if (taker === null || answerer === null) return null;
  await Promise.all([taker.output(/^ready\n/), answerer.output(/^ready\n/)]);
  return { ...site, taker, answerer: new Answerer(input) };
}

for (const [name, taking, answering] of [
  ['Python takes and C answers', PYTHON, C],
  ['C takes and Python answers', C, PYTHON],
] as const) {
  test(`1,000 connections are held and answered from another process: ${name}`, async (t) => {
    const rig = await start(t, taking, answering);
    if (rig === null) return;
    const { role, taker, answerer } = rig;
    const clients: RawClient[] = [];
    for (let count = 0; count < 1_000; count++) {
      const client = await connectTo(t, role.address);
      client.write(Buffer.from(REQUEST, 'latin1'));
      clients.push(client);
    }
    const lines = await taken(taker, 1_000);
    for (const [uuid, , ...rest] of lines) assert.deepEqual([uuid, rest], ['SERVER', ['/h', 'GET', '0']]);
    const ids = lines.map(([, id = '']) => id);
    assert.equal(new Set(ids).size, 1_000);

    answerer.answer(ids, HEAD);
    for (const client of clients) assert.equal((await client.takeHead()).status, 200);
    for (const [text, chunk] of [
      ['5\\r\\nhello\\r\\n', 'hello'],
      ['2\\r\\n\\xc3\\xa9\\r\\n', '\xc3\xa9'],
    ] as const) {
      answerer.answer(ids, text);
      for (const client of clients) assert.equal(await client.takeChunk(), chunk);
    }

    // Those that leave are told of, and an answer for them is answered with the same notice.
    const leavers = clients.slice(0, 10);
    for (const client of leavers) client.reset();
    const gone = (await taken(taker, 1_010)).slice(1_000);
    for (const [, , path, method] of gone) assert.deepEqual([path, method], ['@*', 'JSON']);
    const goneIds = gone.map(([, id = '']) => id);
    assert.equal(new Set(goneIds).size, 10);
    answerer.one(goneIds, 'too late');
    const again = (await taken(taker, 1_020)).slice(1_010);
    assert.deepEqual(again.map(([, id = '']) => id).sort(), [...goneIds].sort());

    // 129 connections are too many for one message, which is skipped; nobody else is harmed.
    const stayers = ids.filter((id) => !goneIds.includes(id));
    answerer.one(stayers.slice(0, 129), '4\\r\\nlost\\r\\n');
    answerer.answer(stayers, '0\\r\\n\\r\\n');
    answerer.answer(stayers, '');
    for (const client of clients.slice(10)) {
      assert.equal(await client.takeChunk(), '');
      await client.ended;
      assert.equal(client.text, '');
    }
    assert.equal(taker.stdout.split('\n').length, 1_022, 'no notice follows a close of the handler');
  });
}

test('pipelined requests go to the handler at once, under one id, and bodies come whole', async (t) => {
  const rig = await start(t, C, C);
  if (rig === null) return;
  const { role, taker, answerer } = rig;
  const client = await connectTo(t, role.address);
  client.write(`${REQUEST}POST /h/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`);
  const [first, second] = await taken(taker, 2);
  assert.deepEqual(second?.slice(2), ['/h/b', 'POST', '20000']);
  assert.equal(second?.[1], first?.[1]);
  const ids = [first?.[1] ?? ''];
  for (const body of ['one', 'two']) {
    answerer.answer(ids, `HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\n${body}`);
    assert.equal((await client.takeResponse()).body, body);
  }
});
