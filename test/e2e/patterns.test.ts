import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ControlSocket } from '../support/control/control-socket.ts';
import { runServer, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { item, startWorkers } from '../support/proxy-workers.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

/** An origin that holds clients as the query says: `c` is the channel, `h` the mode, and `json` asks for an instruct. */
function startPatternOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const [channel = '', mode = 'stream'] = [query.get('c') ?? '', query.get('h') ?? 'stream'];
    if (query.get('json') === null) {
      response.writeHead(200, { 'Grip-Hold': mode, 'Grip-Channel': channel }).end('open\n');
      return;
    }
    const instruct = {
      hold: { mode, channels: [{ name: channel, pattern: true }] },
      response: { headers: { 'Content-Type': 'text/plain' }, body: 'open\n' },
    };
    response.writeHead(200, { 'Content-Type': 'application/grip-instruct' }).end(JSON.stringify(instruct));
  });
}

test('streams and held requests of two workers get what their patterns match, once each', { skip: SKIP }, async (t) => {
  const rig = await startWorkers(t, 2);
  const streams = await rig.spread('c=orders.*;pattern,orders.eu,%3E;pattern', 2);
  const polls = await rig.spread('c=*.eu;pattern&h=response', 2);
  const others = await rig.spread('c=orders.*', 2);
  const receivers = streams.length + polls.length;
  const published = await rig.publish([item('orders.eu', 'first')], { Prefer: 'return=representation' });
  assert.deepEqual(published, { message: 'Published', items: [{ channel: 'orders.eu', receivers, cursor: null }] });
  for (const { client } of polls) assert.equal((await client.takeResponse()).body.toString(), 'first');
  for (let i = 0; i < 500; i++) await rig.publish([item(`orders.${i}`, `item ${i}`), item('$sys.eu', 'hidden')]);
  await rig.publish([item('orders.*', 'literal')]);
  const numbers = Array.from({ length: 500 }, (_, i) => `item ${i}`);
  const expected = ['first', ...numbers, 'literal'].map((content) => `${content}\n`).join('');
  for (const { client } of streams) {
    const text = await client.take('literal\n\r\n');
    assert.equal(text.replaceAll(/[0-9a-f]+\r\n|\r\n/g, ''), expected);
  }
  for (const { client } of others) assert.doesNotMatch(await client.take('literal\n\r\n'), /item|first/);
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
});

test('an instruct may have patterns, and one that is not valid is refused by name', async (t) => {
  const origin = await startPatternOrigin(t);
  const server = await runServer(t, [
    '--route',
    `*,debug ${origin}`,
    '--route',
    `prefixed,debug,prefix=shop- ${origin}`,
  ]);
  const url = `http://${server.clients[0]}`;
  const refusals = {
    'a..b;pattern': "the pattern 'a..b' is invalid: it has an empty token",
    '>.a;pattern': "the pattern '>.a' is invalid: it has a '>' that is not the last token",
    'a.*;pattern=1': "Grip-Channel has a value for 'pattern' of 'a.*', which takes none",
    'a.*;pattern;prev-id=7': "Grip-Channel has a prev-id for the pattern 'a.*'",
  };
  for (const [channel, detail] of Object.entries(refusals)) {
    const response = await fetch(`${url}/?c=${encodeURIComponent(channel)}`);
    assert.equal(response.status, 502, channel);
    assert.ok((await response.text()).includes(detail), channel);
  }
  const prefixed = await connectTo(t, server.clients[0] ?? '');
  const refused = await prefixed.request('GET /?c=a.*;pattern HTTP/1.1\r\nHost: prefixed\r\n\r\n');
  assert.equal(refused.status, 502);
  assert.match(refused.body.toString(), /the prefix 'shop-' of the route does not end in '\.'/);
  const client = await connectTo(t, server.clients[0] ?? '');
  client.write('GET /?json&c=a.%3E HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('open\n');
  await fetch(`${server.controlUrl}/publish`, {
    method: 'POST',
    body: JSON.stringify({ items: [item('a.b.c', 'deep')] }),
  });
  await client.take('deep\n');
});

test('the control API of two workers lists patterns, tells about one, and taps all channels that it matches', {
  skip: SKIP,
}, async (t) => {
  const origin = await startPatternOrigin(t);
  const toml = '[server]\nlisten = ["127.0.0.1:0"]\nworkers = 2\n[control]\nlisten = ["unix:control.sock"]\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  const program = startHoldfast(t, ['run', '--route', `* ${origin}`], { cwd });
  const { clients } = await program.logged('started');
  for (const channel of ['orders.*;pattern', 'orders.*;pattern', 'orders.*', '%3E;pattern']) {
    const client = await connectTo(t, (clients as string[])[0] ?? '');
    client.write(`GET /?c=${channel} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.take('open\n');
  }
  const control = new ControlSocket(t, join(cwd, 'control.sock'));
  const first = (await control.send('GET', '/channels?limit=1')).json;
  const rest = (await control.send('GET', `/channels?after=${encodeURIComponent(first.next)}`)).json;
  assert.deepEqual(
    [...first.channels, ...rest.channels],
    [
      { name: '>', pattern: true, subscribers: 1, lastId: null },
      { name: 'orders.*', pattern: true, subscribers: 2, lastId: null },
      { name: 'orders.*', subscribers: 1, lastId: null },
    ],
  );
  assert.equal((await control.send('GET', '/channels/orders.*?pattern=true')).json.subscribers, 2);
  assert.equal((await control.send('GET', '/channels/orders.*')).json.subscribers, 1);
  assert.equal((await control.send('GET', '/channels/orders.eu?pattern=true')).status, 404);
  const invalid = await control.send('GET', '/channels/a..b/messages?pattern=true');
  assert.deepEqual([invalid.status, invalid.json.error.code], [400, 'HF_CONTROL_INVALID']);
  const tap = await control.open('GET', '/channels/orders.*/messages?pattern=true');
  const tail = startHoldfast(t, ['tail', '--pattern', 'orders.*'], { cwd });
  const publish = async (channel: string) => {
    const response = await control.open('POST', '/publish', { items: [item(channel, channel)] });
    await response.ended();
    assert.equal(response.status, 200);
  };
  await publish('other.eu');
  // Nothing tells when the command has begun to look.
  while (tail.stdout === '') await publish('orders.eu');
  await tap.until('"receivers":3}\n\n');
  assert.match(tap.text, /"channel":"orders\.eu"/);
  assert.doesNotMatch(tap.text, /other/);
  await tail.output(/ orders\.eu .*to 3 clients\n/);
});

test('a stream keeps its patterns over an upgrade', {
  skip: existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only',
}, async (t) => {
  const origin = await startPatternOrigin(t);
  const toml = '[server]\nlisten = ["127.0.0.1:0"]\n[control]\nlisten = ["127.0.0.1:0"]\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  const program = startHoldfast(t, ['run', '--route', `* ${origin}`], { cwd });
  const server = new Upgraded(t, program);
  const { clients, publishers } = await program.logged('started');
  const client = await connectTo(t, (clients as string[])[0] ?? '');
  client.write('GET /?c=a.*;pattern,a.b HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('open\n');
  const publish = async (channel: string, content: string) => {
    const body = JSON.stringify({ items: [item(channel, content)] });
    const response = await fetch(`http://${(publishers as string[])[0]}/publish`, { method: 'POST', body });
    assert.equal(response.status, 200);
  };
  await publish('a.b', 'one');
  const old = server.pid;
  await server.upgrade();
  await publish('a.b', 'two');
  await publish('a.c', 'three');
  const text = await client.take('three\n');
  assert.deepEqual(text.match(/one|two|three/g), ['one', 'two', 'three']);
  await server.gone(old);
  await publish('a.b', 'four');
  assert.deepEqual((await client.take('four\n')).match(/one|two|three|four/g), ['four']);
  await server.stop();
});
