import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Reply } from 'zeromq';
import { decode, encode, type TnetstringMap } from '../../src/codec/tnetstring/index.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';
import { publishingSockets } from '../support/zmq/publishing-sockets.ts';
import { StateService } from '../support/zmq/state-service.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

function item(channel: string | null, content: string): Buffer {
  return encode({ ...(channel !== null && { channel }), formats: { 'http-stream': { content: `${content};` } } });
}

/** What chunks hold. */
function unchunked(text: string): string {
  let content = '';
  for (let at = 0; at < text.length; ) {
    const start = text.indexOf('\r\n', at) + 2;
    const end = start + Number.parseInt(text.slice(at, start), 16);
    content += text.slice(start, end);
    at = end + 2;
  }
  return content;
}

test('publishers with PUSH, PUB and REQ stay connected through upgrades, and each item arrives once', {
  skip: SKIP,
}, async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => `ipc://${folder}/${name}`;
  const origin = await startOrigin(t, (_, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' }).end('open;');
  });
  const toml = `[publish]\npull = ["${at('pull')}"]\nsub = ["${at('sub')}"]\ncommand = ["${at('command')}"]`;
  const { program, clients } = await runServer(t, ['--route', `* ${origin}`], toml);
  const server = new Upgraded(t, program);
  const client = await connectTo(t, clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('open;\r\n');

  const { push, publisher, request } = publishingSockets(t, at);
  let disconnections = 0;
  for (const socket of [push, publisher, request]) socket.events.on('disconnect', () => disconnections++);
  // A PUB loses what it sends before the subscription has come.
  for (let first = true; first || !client.text.includes('ready;'); first = false) {
    await publisher.send(['a', item(null, 'ready')]);
    await pause(1);
  }

  let going = true;
  const sent = { push: 0, pub: 0, req: 0 };
  const load = [
    (async () => {
      for (; going; sent.push++) {
        await push.send(item('a', `push ${sent.push}`));
        await pause(1);
      }
    })(),
    (async () => {
      for (; going; sent.pub++) {
        await publisher.send(['a', item(null, `pub ${sent.pub}`)]);
        await pause(1);
      }
    })(),
    (async () => {
      for (; going; sent.req++) {
        const args = { items: [decode(item('a', `req ${sent.req}`))] };
        await request.send(encode({ id: String(sent.req), method: 'publish', args }));
        const [reply] = await request.receive();
        const { success, id } = decode(reply as Buffer) as TnetstringMap;
        assert.deepEqual([success, String(id)], [true, String(sent.req)]);
      }
    })(),
  ];
  for (let i = 0; i < 3; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
  }
  going = false;
  await Promise.all(load);
  await push.send(item('a', 'last'));
  const expected = [
    ...Array.from({ length: sent.push }, (_, i) => `push ${i}`),
    ...Array.from({ length: sent.pub }, (_, i) => `pub ${i}`),
    ...Array.from({ length: sent.req }, (_, i) => `req ${i}`),
  ];
  await client.until(() => client.text.endsWith('last;\r\n'));
  const got = unchunked(client.text).split(';');
  const of = (name: string) => got.filter((text) => text.startsWith(name));
  assert.deepEqual([...of('push '), ...of('pub '), ...of('req ')], expected);
  assert.equal(disconnections, 0);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('a session state service stays connected through upgrades, and is asked by the new process', {
  skip: SKIP,
}, async (t) => {
  const endpoint = `ipc://${temporaryFolder(t)}/state`;
  const origin = await startOrigin(t, (_, response) => {
    response.writeHead(200, { 'Grip-Session-Id': 's1', 'Grip-Session-Detect': 'path-prefix=/poll; sid-ptr=/id' }).end();
  });
  const toml = `[publish]\nstate = ["${endpoint}"]`;
  const { program, clients } = await runServer(t, ['--route', `*,session ${origin}`], toml);
  const server = new Upgraded(t, program);
  const reply = new Reply({ linger: 0 });
  t.after(() => reply.close());
  let disconnections = 0;
  reply.events.on('disconnect', () => disconnections++);
  reply.connect(endpoint);
  const service = new StateService();
  void (async () => {
    for await (const [question] of reply) await reply.send(service.reply(question as Buffer));
  })();
  const count = () => service.calls.filter((call) => call.startsWith('session-create-or-update')).length;
  const connect = () => fetch(`http://${clients[0]}/connect`, { method: 'POST', body: '{}' });
  // Until the service is connected, its sessions are not known.
  while (count() === 0) await connect();
  for (let i = 0; i < 2; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
    const before = count();
    await connect();
    while (count() === before) await pause(1);
  }
  assert.equal(disconnections, 0);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});
