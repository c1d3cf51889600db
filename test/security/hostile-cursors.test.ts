import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorIn, dataOf, got, type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';

const FEW = '[[channel]]\nmatch = ">"\nhistory_items = 5\n';

/** The body of the stream that a request with these bytes in its header block gets, up to its first cursor. */
async function streamOf(rig: KeepingRig, fields: string, path = '/?c=a'): Promise<string> {
  const client = await rig.app.connect();
  client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  assert.equal((await client.takeHead()).status, 200);
  let text = '';
  while (!/^id: .*\n\n$/m.test(text)) text += await client.takeChunk();
  client.reset();
  return text;
}

test('a cursor that is no cursor of this server gets nothing of the old, in whatever form it comes', async (t) => {
  const rig = await startKeeping(t, FEW);
  await rig.publish('a', '1', '2');
  const [epoch] = cursorIn(await got(await rig.stream('a'), 'id: ')).split('-');
  const gap = `event: gap\ndata: {"channels":["a"]}\n\nid: ${epoch}-2\n\n`;
  const forged = [
    '-',
    'null',
    `${epoch}`,
    `${epoch}-`,
    `${epoch}-3`,
    `${epoch}-9007199254740991`,
    `${epoch}-9007199254740992`,
    `${epoch}-${'9'.repeat(400)}`,
    `${epoch}--1`,
    `${epoch}-1e0`,
    `${epoch}-0x1`,
    `${epoch}-1.0`,
    `${epoch}-01`,
    `${epoch}-1,${epoch}-1`,
    `${epoch?.toUpperCase()}-1`,
    `${'0'.repeat(12)}-1`,
    `"${epoch}-1"`,
    '__proto__',
    '\xff\xfe\x80',
    'x'.repeat(5_000),
  ];
  for (const id of forged) {
    assert.equal(await streamOf(rig, `Last-Event-ID: ${id}\r\n`), gap, id.slice(0, 60));
  }
  for (const id of ['%00', `${epoch}-1%00`, `${epoch}-1%0a`, `%`, `%ff`, `${epoch}-2%2B0`]) {
    assert.equal(await streamOf(rig, '', `/?c=a&last_event_id=${id}`), gap, id);
  }
  // An empty one is that of a new client (HTML Living Standard §9.2.4).
  for (const [fields, path] of [['Last-Event-ID:\r\n'], ['', '/?c=a&last_event_id=']] as const) {
    assert.equal(await streamOf(rig, fields, path), `id: ${epoch}-2\n\n`);
  }
  // The first field counts, and a field before the query.
  const [first, second] = [`Last-Event-ID: ${epoch}-1\r\n`, `Last-Event-ID: ${epoch}-2\r\n`];
  assert.deepEqual(dataOf(await streamOf(rig, first + second)), ['2']);
  assert.deepEqual(dataOf(await streamOf(rig, second + first)), []);
  assert.deepEqual(dataOf(await streamOf(rig, first, `/?c=a&last_event_id=${epoch}-2`)), ['2']);
  assert.deepEqual(dataOf(await streamOf(rig, '', `/?c=a&last_event_id=${epoch}-1&last_event_id=${epoch}-2`)), ['2']);
  // These are no requests.
  for (const [fields, status] of [
    [`Last-Event-ID: ${epoch}-1\0\r\n`, 400],
    [`Last-Event-ID: ${'x'.repeat(65_536)}\r\n`, 431],
  ] as const) {
    assert.equal((await rig.app.get('/?c=a', fields)).status, status);
  }
});

test('a cursor tells nothing of channels that are not those of its client', async (t) => {
  const rig = await startKeeping(t, FEW);
  await rig.publish('own', '1');
  const secret = await rig.stream('secret');
  await rig.app.publish({
    channel: 'secret',
    id: 'secret-id',
    formats: { 'http-stream': { content: 'data: secret\n\n' } },
  });
  const cursor = cursorIn(await got(secret, 'data: secret'));
  // Whether there is such an item, and whether it is still kept, makes no difference to others.
  const answers: string[] = [];
  const ask = async (): Promise<void> => {
    for (const id of [cursor, 'secret-id', 'no-id'])
      answers.push(await streamOf(rig, `Last-Event-ID: ${id}\r\n`, '/?c=own'));
    for (const id of ['secret-id', 'no-id']) {
      const { headers, body } = await rig.app.get('/?c=own&h=response', `Last-Event-ID: ${id}\r\n`);
      answers.push(`${headers.get('event-gap')} ${headers.get('last-event-id')} ${body}`);
    }
  };
  await ask();
  const known = answers.splice(0);
  assert.equal(known[1], known[2]);
  assert.equal(known[3], known[4]);
  assert.doesNotMatch(known.join(), /secret/);
  assert.deepEqual(dataOf(known[0] ?? ''), []);
  await rig.publish('secret', '2', '3', '4', '5', '6', '7', '8');
  await ask();
  const withoutNumbers = (texts: readonly string[]): string[] => texts.map((text) => text.replaceAll(/-\d+/g, '-N'));
  assert.deepEqual(withoutNumbers(answers), withoutNumbers(known));
});
