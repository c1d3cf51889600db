import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { LANGUAGES, type Language, runExample, startExample, startHandler } from '../support/zhttp-example.ts';
import { type PacketFields, ZhttpFront } from '../support/zhttp-front.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

interface Front {
  /** Where clients connect: `127.0.0.1:PORT`. */
  readonly address: string;
  /** What handlers take as BASE. */
  readonly base: string;
}

/** Starts the program that the examples stand behind; `condure` takes the same arguments. */
async function startFront(t: TestContext): Promise<Front> {
  const [port] = await freePorts(1);
  const base = `ipc://${join(temporaryFolder(t), 'edge')}`;
  const args = ['--listen', `127.0.0.1:${port},stream`, '--zclient-stream', base, '--workers', '1'];
  await startHoldfast(t, ['condure', ...args]).logged('started');
  return { address: `127.0.0.1:${port}`, base };
}

/** Sends a GET and takes the head of the response. */
async function get(t: TestContext, front: Front): Promise<RawClient> {
  const client = await connectTo(t, front.address);
  client.write(`GET / HTTP/1.1\r\nHost: ${front.address}\r\n\r\n`);
  assert.equal((await client.takeHead()).status, 200);
  return client;
}

/** Takes chunks until they contain `end`. */
async function takeBody(client: RawClient, end: string): Promise<string> {
  let body = '';
  while (!body.includes(end)) {
    const chunk = await client.takeChunk();
    assert.notEqual(chunk, '', `the body ended with ${JSON.stringify(body)}`);
    body += chunk;
  }
  return body;
}

/** A member of the chat, with the messages that it has been sent. */
class Member {
  readonly socket: WebSocket;
  readonly messages = new Arrivals<string>();
  readonly closed: Promise<number>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.messages.add(String(data)));
    this.closed = once(socket, 'close').then(([code]) => code as number);
  }

  static async join(t: TestContext, front: Front): Promise<Member> {
    const socket = new WebSocket(`ws://${front.address}/`);
    t.after(() => socket.terminate());
    const member = new Member(socket);
    await once(socket, 'open');
    return member;
  }
}

/** Not packets, or none that make sense; the first ones break off at every place. */
const GARBAGE = [
  '',
  'T',
  'T5:abc',
  'T3:abc',
  'T999999999:',
  'T99999999999999999999:a}',
  'T-1:}',
  'T:}',
  'T0:}',
  'T0:}0:}',
  'T3:abc?',
  'T5:1:a,~}',
  'T8:4:from,}',
  'T8:0:~0:~}}',
  'T12:0:]1:a,0:]}}',
  'T22:4:from,5:front,2:id,0:~}',
  'T24:4:from,5:front,2:id,0:]}',
  'T29:4:from,5:front,2:id,5:1:1#]}',
  'T44:4:from,5:front,2:id,1:a,7:credits,1:x#3:seq,1:0#}',
  'T46:4:from,5:front,2:id,1:a,7:credits,4:-100#3:seq,1:0#}',
  'T38:4:from,5:front,2:id,1:a,3:seq,1:7#4:body,1:5#}',
  'J{"from":"front","id":"a","seq":0,"method":"GET"}',
  `T${nested(200)}`,
  Buffer.from([0x54, 0xff, 0xfe, 0x3a]),
];

/** A list in a list in a list, and so on. */
function nested(depth: number): string {
  let value = '0:]';
  for (let level = 0; level < depth; level += 1) value = `${value.length}:${value}]`;
  return value;
}

const CHATTY: Readonly<Record<Language, string>> = {
  Node: `
    import { Handler } from './zhttp.mjs';
    await Handler.connect(process.argv[2], async (session) => {
      session.send({ code: 200, reason: 'OK', more: true });
      session.signal.addEventListener('abort', () => console.log(session.id + ': ' + session.signal.reason.message));
      await session.gone();
    }, { keepAlive: 50, expiry: 1000 });
    console.log('it is ready');`,
  Python: `
import asyncio, sys
from zhttp import Handler

async def hold(session):
    session.send({'code': 200, 'reason': 'OK', 'more': True})
    try:
        await session.gone()
    finally:
        print(f'{session.id}: {session.over}', flush=True)

async def main():
    handler = await Handler.connect(sys.argv[1], hold, keep_alive=0.05, expiry=1)
    print('it is ready', flush=True)
    await handler.run()

asyncio.run(main())`,
};

test('every example without arguments prints its usage, and exits with code 2', async (t) => {
  const folder = fileURLToPath(new URL('../../examples/zhttp', import.meta.url));
  for (const file of [...readdirSync(`${folder}/node`), ...readdirSync(`${folder}/python`)]) {
    // The shared modules are no programs.
    if (!/\.(mjs|py)$/.test(file) || /^(zhttp|fetch|command.line)\./.test(file)) continue;
    const language = file.endsWith('.mjs') ? 'Node' : 'Python';
    const program = runExample(t, language, file.replace(/\.\w+$/, ''), []);
    if (program === null) continue;
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual([code, stdout], [2, ''], file);
    assert.match(stderr, new RegExp(`^usage: ${file.replace('.', '\\.')} BASE[^\n]*\n$`));
  }
});

for (const language of LANGUAGES) {
  test(`echo in ${language} gives curl its own body back, with a length and in chunks`, async (t) => {
    const curl = requirePeer(t, 'curl');
    const front = await startFront(t);
    if (curl === null || (await startExample(t, language, 'echo', [front.base])) === null) return;
    const input = Array.from({ length: 30_000 }, (_, line) => `line ${line}\n`).join('');
    for (const coding of ['', 'Transfer-Encoding: chunked']) {
      const args = ['-sS', '-i', '--data-binary', '@-', '-H', 'Content-Type: text/x-lines', '-H', coding];
      const program = new Program(t, curl, [...args, `http://${front.address}/`], { input });
      const { code, stdout } = await program.ended;
      assert.equal(code, 0);
      assert.match(stdout, /^Content-Type: text\/x-lines\r$/im);
      assert.ok(stdout.endsWith(`\r\n\r\n${input}`), 'the body came back as it was');
    }
  });

  test(`echo in ${language} returns bytes, sends an empty response to GET, and refuses a body above its limit`, async (t) => {
    const front = await startFront(t);
    if ((await startExample(t, language, 'echo', [front.base])) === null) return;
    const url = `http://${front.address}/`;
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * at) % 251));
    const whole = await fetch(url, { method: 'POST', body: bytes });
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), bytes);
    const empty = await fetch(url);
    assert.equal(empty.status, 200);
    assert.equal(await empty.text(), '');
    const client = await connectTo(t, front.address);
    client.write(`POST / HTTP/1.1\r\nHost: ${front.address}\r\nContent-Length: 2000000\r\n\r\n`);
    client.write(Buffer.alloc(2_000_000));
    assert.equal((await client.takeHead()).status, 413);
  });

  test(`stream in ${language} sends lines until its client leaves`, async (t) => {
    const front = await startFront(t);
    const handler = await startExample(t, language, 'stream', [front.base, '0.01']);
    if (handler === null) return;
    const client = await get(t, front);
    const body = await takeBody(client, 'line 5\n');
    assert.ok(body.startsWith('line 1\nline 2\nline 3\nline 4\nline 5\n'), body);
    client.reset();
    const [, lines] = await handler.output(/: the client has left after (\d+) lines\n/);
    assert.ok(Number(lines) >= 5);
  });

  test(`hold in ${language} sends posted lines to 200 clients, and none to those that left`, async (t) => {
    const front = await startFront(t);
    if ((await startExample(t, language, 'hold', [front.base])) === null) return;
    const clients = await Promise.all(Array.from({ length: 200 }, () => get(t, front)));
    await Promise.all(clients.map((client) => takeBody(client, 'welcome\n')));
    const post = async (body: string) => {
      const response = await fetch(`http://${front.address}/`, { method: 'POST', body });
      return `${response.status} ${await response.text()}`;
    };
    for (const line of ['hello', 'hällo again']) {
      assert.equal(await post(line), '200 sent to 200, dropped 0\n');
      const sent = Buffer.from(`${line}\n`).toString('latin1');
      const bodies = await Promise.all(clients.map((client) => takeBody(client, sent)));
      assert.deepEqual(new Set(bodies), new Set([sent]));
    }
    assert.match(await post('x'.repeat(4096)), /^413 /);
    for (const client of clients.slice(0, 150)) client.reset();
    // The front server notices one by one that they have left.
    let answer = '';
    while (answer !== '200 sent to 50, dropped 0\n') {
      answer = await post('to the rest');
      assert.match(answer, /^200 sent to \d+, dropped 0\n$/);
    }
    for (const client of clients.slice(150)) await takeBody(client, 'to the rest\n');
  });

  for (const next of LANGUAGES) {
    test(`a client gets one response from two processes, handed off from ${language} to ${next}`, async (t) => {
      const front = await startFront(t);
      const link = `ipc://${join(temporaryFolder(t), 'link')}`;
      if ((await startExample(t, next, 'handoff-second', [front.base, link])) === null) return;
      if ((await startExample(t, language, 'handoff-first', [front.base, link])) === null) return;
      const expected = [1, 2, 3, 4, 5, 6].map((line) => `${line < 4 ? 'first' : 'second'}: line ${line}\n`).join('');
      const url = `http://${front.address}/`;
      const bodies = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url)).text()));
      assert.deepEqual(bodies, Array(5).fill(expected));
    });
  }

  test(`chat in ${language} relays messages between three members, returns pings, and says good-bye`, async (t) => {
    const front = await startFront(t);
    if ((await startExample(t, language, 'chat', [front.base])) === null) return;
    const members: Member[] = [];
    for (let count = 0; count < 3; count += 1) members.push(await Member.join(t, front));
    const [first, second, third] = members as [Member, Member, Member];
    const hear = (from: readonly Member[]) => Promise.all(from.map(({ messages }) => messages.next()));

    first.socket.send('hello');
    assert.deepEqual(await hear(members), Array(3).fill('guest 1: hello'));
    second.socket.send('in ', { fin: false });
    second.socket.send('two päcks', { fin: true });
    assert.deepEqual(await hear(members), Array(3).fill('guest 2: in two päcks'));

    const pong = once(third.socket, 'pong');
    third.socket.ping('are you there?');
    assert.equal(String((await pong)[0]), 'are you there?');

    third.socket.close(4001, 'bye');
    assert.equal(await third.closed, 4001);
    first.socket.send('only us');
    assert.deepEqual(await hear([first, second]), Array(2).fill('guest 1: only us'));
    for (let count = 0; count < 50; count += 1) second.socket.send(`${count} ${'x'.repeat(900)}`);
    for (let count = 0; count < 50; count += 1) {
      for (const heard of await hear([first, second])) assert.ok(heard.startsWith(`guest 2: ${count} `));
    }

    first.socket.send(Buffer.from('bytes'), { binary: true });
    assert.equal(await first.closed, 1003);
    second.socket.send('x'.repeat(1001));
    assert.equal(await second.closed, 1009);
    assert.deepEqual(
      members.flatMap(({ messages }) => messages.all),
      [],
    );
    assert.equal((await fetch(`http://${front.address}/`)).status, 400);
  });

  test(`hold in ${language} puts up to 128 ids into a packet and drops clients without credits`, async (t) => {
    const front = await ZhttpFront.start(t);
    if ((await startExample(t, language, 'hold', [front.base])) === null) return;
    const ids = Array.from({ length: 200 }, (_, number) => `h-${number}`);
    for (const id of ids) await front.open(id, { credits: id === 'h-7' ? 8 : 8 + 6 });
    const heads = await front.packets.take(200);
    assert.deepEqual(
      heads.map(({ ids, code, body }) => `${ids[0]?.id} ${ids[0]?.seq} ${code} ${body}`),
      ids.map((id) => `${id} 0 200 welcome\n`),
    );
    await front.open('post', { method: 'POST', body: Buffer.from('hello') });
    const lines = await front.packets.take(2);
    assert.deepEqual(
      lines.map(({ ids, body, more, multi }) => [ids.length, String(body), more, multi]),
      [
        [128, 'hello\n', true, true],
        [71, 'hello\n', true, true],
      ],
    );
    assert.deepEqual(
      lines.flatMap((packet) => packet.ids.map(({ id, seq }) => `${id} ${seq}`)).sort(),
      ids.flatMap((id) => (id === 'h-7' ? [] : [`${id} 1`])).sort(),
    );
    const [cancel, answer] = await front.packets.take(2);
    assert.deepEqual([cancel?.type, cancel?.ids], ['cancel', [{ id: 'h-7', seq: 1 }]]);
    assert.equal(String(answer?.body), 'sent to 199, dropped 1\n');
  });

  test(`hold in ${language} waits for credits that are on their way`, async (t) => {
    const front = await ZhttpFront.start(t);
    if ((await startExample(t, language, 'hold', [front.base])) === null) return;
    await front.open('a', { credits: 8 });
    const { from } = await front.packets.next();
    await front.open('post', { method: 'POST', more: true });
    const grant = await front.packets.next();
    assert.deepEqual([grant.type, grant.credits], ['credit', 8192]);
    await front.send(from, [['post', 1]], { body: Buffer.from('hello') });
    await front.send(from, [['a', 1]], { type: 'credit', credits: 6 });
    assert.equal(String((await front.packets.next()).body), 'hello\n');
    assert.equal(String((await front.packets.next()).body), 'sent to 1, dropped 0\n');
  });

  test(`echo in ${language} never sends more than it was granted`, async (t) => {
    const front = await ZhttpFront.start(t);
    if ((await startExample(t, language, 'echo', [front.base])) === null) return;
    await front.open('a', { method: 'POST', credits: 3, body: Buffer.from('0123456789') });
    const head = await front.packets.next();
    assert.deepEqual([head.code, head.headers.at(-1), head.body.length, head.more], [200, '10', 0, true]);
    assert.equal(String((await front.packets.next()).body), '012');
    await front.send(head.from, [['a', 1]], { type: 'credit', credits: 5 });
    assert.equal(String((await front.packets.next()).body), '34567');
    await front.send(head.from, [['a', 2]], { type: 'credit', credits: 5 });
    const last = await front.packets.next();
    assert.deepEqual([String(last.body), last.more], ['89', true]);
    const end = await front.packets.next();
    assert.deepEqual([end.body.length, end.more, end.ids], [0, false, [{ id: 'a', seq: 4 }]]);
  });

  test(`a handler in ${language} ignores garbage on both of its sockets`, async (t) => {
    const front = await ZhttpFront.start(t);
    if ((await startExample(t, language, 'stream', [front.base, '1000'])) === null) return;
    await front.open('a');
    const { from } = await front.packets.next();
    for (const garbage of GARBAGE) {
      await front.pushRaw(garbage);
      await front.routeRaw(from, garbage);
    }
    await front.send(from, [['nobody', 0]], { body: Buffer.from('lost') });
    await front.open('b');
    const [line, head, next] = await front.packets.take(3);
    assert.deepEqual([line?.ids, String(line?.body)], [[{ id: 'a', seq: 1 }], 'line 1\n']);
    assert.deepEqual([head?.ids, head?.code], [[{ id: 'b', seq: 0 }], 200]);
    assert.deepEqual([next?.ids, String(next?.body)], [[{ id: 'b', seq: 1 }], 'line 1\n']);
  });

  test(`a handler in ${language} cancels a session that lost a packet or is flooded, and no other`, async (t) => {
    const front = await ZhttpFront.start(t);
    const handler = await startExample(t, language, 'stream', [front.base, '1000']);
    if (handler === null) return;
    for (const id of ['a', 'b', 'c']) await front.open(id);
    const [{ from } = assert.fail()] = await front.packets.take(6);
    await front.send(from, [['a', 1]], { type: 'keep-alive' });
    await front.send(from, [['a', 3]], { type: 'keep-alive' });
    const lost = await front.packets.next();
    assert.deepEqual([lost.type, lost.ids], ['cancel', [{ id: 'a', seq: 2 }]]);
    await handler.output(/^a: a packet was lost after 1 lines\n/m);
    for (let seq = 1; seq <= 1001; seq += 1) await front.send(from, [['b', seq]], {});
    const flooded = await front.packets.next();
    assert.deepEqual([flooded.type, flooded.ids], ['cancel', [{ id: 'b', seq: 2 }]]);
    await front.send(from, [['c', 1]], { type: 'cancel' });
    await handler.output(/^c: the client has left after 1 lines\n/m);
    assert.deepEqual(front.packets.all, []);
  });

  test(`a handler in ${language} takes a cancel for many sessions at once`, async (t) => {
    const front = await ZhttpFront.start(t);
    const handler = await startExample(t, language, 'stream', [front.base, '1000']);
    if (handler === null) return;
    for (const id of ['a', 'b']) await front.open(id);
    const [{ from } = assert.fail()] = await front.packets.take(4);
    const both: [string, number][] = [
      ['a', 1],
      ['b', 1],
    ];
    await front.send(from, both, { type: 'cancel' });
    for (const id of ['a', 'b']) await handler.output(new RegExp(`^${id}: the client has left`, 'm'));
  });

  test(`a handler in ${language} forgets the sessions of a front server that restarts with the same ids`, async (t) => {
    const front = await ZhttpFront.start(t);
    const handler = await startExample(t, language, 'stream', [front.base, '1000']);
    if (handler === null) return;
    await front.open('a');
    await front.packets.take(2);
    await front.open('a');
    const [head, line] = await front.packets.take(2);
    assert.deepEqual([head?.ids, head?.code], [[{ id: 'a', seq: 0 }], 200]);
    assert.deepEqual([line?.ids, String(line?.body)], [[{ id: 'a', seq: 1 }], 'line 1\n']);
    await handler.output(/^a: the front server has restarted after 1 lines\n/m);
    const { from = '' } = head ?? {};
    await front.send(from, [['a', 1]], { type: 'cancel' });
    await handler.output(/^a: the client has left after 1 lines\n/m);
  });

  test(`a handler in ${language} keeps its sessions alive in one packet and gives up silent ones`, async (t) => {
    const front = await ZhttpFront.start(t);
    const handler = await startHandler(t, CHATTY, language, [front.base]);
    if (handler === null) return;
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await front.open(id);
    await front.packets.take(3);
    let keepAlive = await front.packets.next();
    // The first one may come between two of the requests.
    while (keepAlive.ids.length < 3) keepAlive = await front.packets.next();
    assert.equal(keepAlive.type, 'keep-alive');
    assert.deepEqual(keepAlive.ids.map(({ id }) => id).sort(), ids);
    for (const id of ids) await handler.output(new RegExp(`^${id}: nothing was heard of the session\n`, 'm'));
  });

  test(`a handler in ${language} sends separate packets if the front server takes none for many`, async (t) => {
    const front = await ZhttpFront.start(t);
    if ((await startExample(t, language, 'hold', [front.base])) === null) return;
    const alone: PacketFields = { multi: false };
    for (const id of ['a', 'b']) await front.open(id, alone);
    await front.packets.take(2);
    await front.open('post', { method: 'POST', body: Buffer.from('hello'), ...alone });
    const lines = await front.packets.take(2);
    assert.deepEqual(lines.map(({ ids, body }) => `${ids.map(({ id, seq }) => `${id} ${seq}`)} ${body}`).sort(), [
      'a 1 hello\n',
      'b 1 hello\n',
    ]);
  });

  test(`a handler in ${language} finds the three endpoints on consecutive ports of tcp`, async (t) => {
    const front = await ZhttpFront.startOnTcp(t);
    if ((await startExample(t, language, 'echo', [front.base])) === null) return;
    await front.open('a', { method: 'POST', more: true });
    const { from, credits } = await front.packets.next();
    assert.equal(credits, 8192);
    await front.send(from, [['a', 1]], { body: Buffer.from('hello') });
    const [head, body] = await front.packets.take(2);
    assert.deepEqual([head?.code, String(body?.body)], [200, 'hello']);
  });

  test(`a handler in ${language} cancels its sessions when it is told to end`, async (t) => {
    const front = await ZhttpFront.start(t);
    const handler = await startExample(t, language, 'stream', [front.base, '1000']);
    if (handler === null) return;
    for (const id of ['a', 'b']) await front.open(id);
    await front.packets.take(4);
    const { code, stderr } = await handler.stop();
    assert.deepEqual([code, stderr], [0, '']);
    const cancel = await front.packets.next();
    assert.equal(cancel.type, 'cancel');
    assert.deepEqual(
      cancel.ids.map(({ id, seq }) => `${id} ${seq}`),
      ['a 2', 'b 2'],
    );
  });
}
