import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { openBrowser } from '../support/browser.ts';
import { turn } from '../support/manual-clock.ts';
import {
  EXAMPLES,
  type ExampleSite,
  LANGUAGES,
  runExampleHandler,
  startExampleHandler,
  startExampleSite,
} from '../support/mongrel2/example.ts';
import { FakeMongrel2Server } from '../support/mongrel2/fake-server.ts';
import { requirePeer } from '../support/peers.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

/** A WebSocket with what has come on it. */
class Member {
  readonly socket: WebSocket;
  readonly heard = new Arrivals<{ data: Buffer; binary: boolean }>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => this.heard.add({ data, binary }));
  }

  static async connect(t: TestContext, site: ExampleSite, path: string): Promise<Member> {
    const socket = new WebSocket(`ws://${site.address}${path}`);
    t.after(() => socket.terminate());
    const member = new Member(socket);
    await once(socket, 'open');
    return member;
  }

  send(data: unknown): void {
    this.socket.send(JSON.stringify(data));
  }

  async hears(): Promise<unknown> {
    return JSON.parse(String((await this.heard.next()).data));
  }
}

for (const language of LANGUAGES) {
  test(`every example in ${language} without arguments prints its usage, and exits with code 2`, async (t) => {
    for (const example of EXAMPLES) {
      const program = runExampleHandler(t, language, example, []);
      if (program === null) return;
      const { code, stdout, stderr } = await program.ended;
      const file = `${example}.${language === 'Node' ? 'mjs' : 'py'}`;
      assert.deepEqual([code, stdout, stderr], [2, '', `usage: ${file} SEND_SPEC RECV_SPEC\n`]);
    }
  });

  test(`hello in ${language} answers requests, and closes the connection when asked to`, async (t) => {
    const site = await startExampleSite(t);
    if ((await startExampleHandler(t, site, language, 'hello')) === null) return;
    const client = await connectTo(t, site.address);
    for (const close of ['', 'Connection: close\r\n']) {
      const response = await client.request(`GET /hello?a=b HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
      assert.equal(response.body, 'Hello, 127.0.0.1: you asked for /hello?a=b\n');
    }
    assert.equal(await client.ended, 'fin');
  });

  test(`a request waits until hello in ${language} is back`, async (t) => {
    const site = await startExampleSite(t);
    const handler = await startExampleHandler(t, site, language, 'hello');
    if (handler === null) return;
    assert.equal((await handler.stop()).stderr, '');
    const client = await connectTo(t, site.address);
    client.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await startExampleHandler(t, site, language, 'hello');
    assert.equal((await client.takeResponse()).status, 200);
  });

  test(`hello in ${language} may start before its server, and answers the first request after a restart`, async (t) => {
    const folder = temporaryFolder(t);
    const handler = runExampleHandler(t, language, 'hello', [`ipc://${folder}/send`, `ipc://${folder}/recv`]);
    if (handler === null) return;
    for (const id of [1, 2, 3]) {
      const server = await FakeMongrel2Server.start(t, folder);
      await server.request(id);
      const { ids, body } = await server.answer();
      assert.deepEqual(ids, [id]);
      assert.match(body, /\r\n\r\nHello, 127\.0\.0\.1: you asked for \/\n$/);
      await server.stop();
    }
  });

  test(`hello in ${language} reads headers as a tnetstring too`, async (t) => {
    const server = await FakeMongrel2Server.start(t, temporaryFolder(t), 'tnetstring');
    if (runExampleHandler(t, language, 'hello', [server.sendSpec, server.recvSpec]) === null) return;
    await server.request(7, { target: '/a?b', headers: ['A', '\xe9', 'B', '1', 'B', '2'] });
    assert.match((await server.answer()).body, /\r\n\r\nHello, 127\.0\.0\.1: you asked for \/a\?b\n$/);
  });

  test(`hello in ${language} reports malformed messages and goes on`, async (t) => {
    const server = await FakeMongrel2Server.start(t);
    const handler = runExampleHandler(t, language, 'hello', [server.sendSpec, server.recvSpec]);
    if (handler === null) return;
    const malformed = [
      '',
      'u',
      'u 1 /',
      'u x / 2:{},0:,',
      'u 1 / 1:{,0:,',
      'u 1 / 2:[],0:,',
      'u 1 / 2:{},9:,',
      'u 1 / 3:1:a}0:,',
    ];
    for (const bytes of malformed) await server.send(bytes);
    await server.request(1);
    assert.deepEqual((await server.answer()).ids, [1]);
    const { stderr } = await handler.stop();
    assert.equal(stderr.match(/a malformed message was dropped/g)?.length, malformed.length, stderr);
  });

  test(`echo in ${language} ends WebSockets as RFC 6455 says`, async (t) => {
    const server = await FakeMongrel2Server.start(t);
    if (runExampleHandler(t, language, 'echo', [server.sendSpec, server.recvSpec]) === null) return;
    for (const [flags, payload, code] of [
      ['0x88', '', ''],
      ['0x88', '\x03\xe8bye', '\x03\xe8'],
      ['0x88', '\x0f\xa1', '\x0f\xa1'],
      ['0x88', '\x03\xed', '\x03\xea'],
      ['0x88', '\x03', '\x03\xea'],
      ['0x81', '\xff', '\x03\xef'],
      ['0xc1', 'a', '\x03\xea'],
      ['0x83', 'a', '\x03\xea'],
      ['0x8b', 'a', '\x03\xea'],
    ] as const) {
      await server.frame(7, flags, payload);
      assert.equal((await server.answer()).body, `\x88${String.fromCharCode(code.length)}${code}`, flags);
      assert.equal((await server.answer()).body, '', 'it is closed');
    }
  });

  test(`upload in ${language} asks for as much of a stream as it has taken`, async (t) => {
    const server = await FakeMongrel2Server.start(t);
    if (runExampleHandler(t, language, 'upload', [server.sendSpec, server.recvSpec]) === null) return;
    const { messages } = server;
    await server.request(7, { method: 'POST' }, messages.extra('UPLOAD_STREAM', '0'), 'first');
    assert.equal((await server.answer()).control?.credits, 262_144);
    const part = (offset: number, body: string, extra = '') => {
      const pairs = messages.extra('UPLOAD_STREAM', String(offset)) + extra;
      return server.send(messages.uploadPart(7, '/upload', pairs, Buffer.from(body)));
    };
    await part(5, 'second');
    assert.equal((await server.answer()).control?.credits, 6);
    await part(11, 'x', messages.extra('UPLOAD_STREAM_DONE', '1'));
    assert.match((await server.answer()).body, /\r\n\r\n12 bytes, SHA-256 [0-9a-f]{64}\n$/);
  });

  test(`echo in ${language} returns messages of any kind and length, and pings`, async (t) => {
    const site = await startExampleSite(t);
    const handler = await startExampleHandler(t, site, language, 'echo');
    if (handler === null) return;
    const { socket, heard } = await Member.connect(t, site, '/echo');
    for (const message of ['hällo', '', 'x'.repeat(126), 'y'.repeat(70_000)]) {
      socket.send(message);
      const { data, binary } = await heard.next();
      assert.deepEqual([String(data), binary], [message, false]);
    }
    socket.send(Buffer.from([0, 255]));
    assert.deepEqual(await heard.next(), { data: Buffer.from([0, 255]), binary: true });
    const pong = once(socket, 'pong');
    socket.ping('are you there?');
    assert.equal(String((await pong)[0]), 'are you there?');
    const closed = once(socket, 'close');
    socket.close(4001, 'bye');
    assert.equal((await closed)[0], 4001);
    await handler.output(/^\d+ has left\n/m);
    const other = await Member.connect(t, site, '/echo');
    other.socket.terminate();
    await handler.output(/(^\d+ has left\n){2}/m);
    assert.equal((await fetch(`http://${site.address}/echo`)).status, 400);
  });

  test(`chat in ${language} tells everybody who comes, what is said, and who leaves`, async (t) => {
    const site = await startExampleSite(t);
    if ((await startExampleHandler(t, site, language, 'chat')) === null) return;
    const ada = await Member.connect(t, site, '/chat');
    ada.send({ type: 'msg', msg: 'not joined yet' });
    ada.send({ type: 'join', user: ' Ada ' });
    assert.deepEqual(await ada.hears(), { type: 'userList', users: ['Ada'] });
    const ben = await Member.connect(t, site, '/chat');
    ben.send({ type: 'join', user: 'Bén' });
    assert.deepEqual(await ben.hears(), { type: 'userList', users: ['Ada', 'Bén'] });
    assert.deepEqual(await ada.hears(), { type: 'join', user: 'Bén' });
    for (const nonsense of [
      '',
      '{',
      '[]',
      'null',
      '1',
      '{"type":"msg"}',
      '{"type":"msg","msg":"  "}',
      '{"type":"msg","msg":{"toString":1}}',
      '{"type":"x"}',
    ]) {
      ben.socket.send(nonsense);
    }
    ben.socket.send(Buffer.from('{"type":"msg","msg":"bytes"}'));
    ben.send({ type: 'msg', msg: `<b>${'x'.repeat(2_000)}` });
    const said = { type: 'msg', user: 'Bén', msg: `<b>${'x'.repeat(997)}` };
    assert.deepEqual([await ada.hears(), await ben.hears()], [said, said]);
    ada.socket.close();
    assert.deepEqual(await ben.hears(), { type: 'leave', user: 'Ada' });
    assert.deepEqual([ada.heard.all, ben.heard.all], [[], []]);
  });

  for (const how of ['to files', 'in parts'] as const) {
    test(`upload in ${language} takes bodies of any size ${how}`, async (t) => {
      const site = await startExampleSite(t, (conf) =>
        how === 'to files' ? conf : conf.replace('settings = {', "settings = {'upload.stream': 1, "),
      );
      const handler = await startExampleHandler(t, site, language, 'upload');
      if (handler === null) return;
      for (const [length, chunked] of [
        [0, false],
        [20_000, false],
        [3_000_000, false],
        [3_000_000, true],
      ] as const) {
        const body = Buffer.from(Array.from({ length }, (_none, at) => (at * at) % 251));
        const client = await connectTo(t, site.address);
        const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
        client.write(`POST /upload HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`);
        if (chunked) {
          for (let from = 0; from < length; from += 30_000) {
            const chunk = body.subarray(from, from + 30_000);
            client.write(`${chunk.length.toString(16)}\r\n`);
            client.write(chunk);
            client.write('\r\n');
          }
          client.write('0\r\n\r\n');
        } else {
          client.write(body);
        }
        const digest = createHash('sha256').update(body).digest('hex');
        assert.equal((await client.takeResponse()).body, `${length} bytes, SHA-256 ${digest}\n`);
      }
      const leaving = await connectTo(t, site.address);
      leaving.write('POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf');
      await handler.output(/(?:begins to upload\n[\s\S]*){3}/);
      leaving.reset();
      await handler.output(/^\d+ has left\n/m);
      // The server removes the file beside telling the handler.
      while (readdirSync(site.folder).some((file) => file.startsWith('upload.'))) await turn();
    });
  }
}

test('the page of the chat comes from the server itself', async (t) => {
  const site = await startExampleSite(t);
  const page = await fetch(`http://${site.address}/`, { headers: { Host: 'localhost' } });
  assert.equal(page.status, 200);
  assert.equal(page.headers.get('content-type'), 'text/html');
  assert.match(await page.text(), /<title>Chat<\/title>/);
});

test('the page of the chat works in a browser', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const site = await startExampleSite(t);
  await startExampleHandler(t, site, 'Node', 'chat');
  const browser = await openBrowser(t, chromium);
  const join = async (name: string) => {
    const page = await browser.newPage();
    await page.goto(`http://${site.address}/`);
    await page.getByText('connected').waitFor();
    await page.getByPlaceholder('Your name').fill(name);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.locator('#users').getByText(name).waitFor();
    return page;
  };
  const ada = await join('Ada');
  const ben = await join('Ben');
  await ada.locator('#users').getByText('Ben').waitFor();
  await ben.getByPlaceholder('Say something').fill('<b>hello</b> ü');
  await ben.keyboard.press('Enter');
  for (const page of [ada, ben]) assert.equal(await page.locator('#said li b').textContent(), 'Ben');
  assert.equal(await ada.locator('#said li').last().textContent(), 'Ben<b>hello</b> ü');
  await ben.close();
  await ada.getByText('Ben leaves').waitFor();
  assert.deepEqual(await ada.locator('#users li').allTextContents(), ['Ada']);
});
