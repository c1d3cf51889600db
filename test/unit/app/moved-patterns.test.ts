import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEXT } from '../../../src/codec/websocket/index.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { turn } from '../../support/manual-clock.ts';
import { MovingRig } from '../../support/moving-rig.ts';
import { eventually } from '../../support/running-app.ts';
import { startEventsOrigin } from '../../support/websocket/events-origin.ts';
import { frame, handshake, takeFrame } from '../server/raw-websocket.ts';

const streamItem = (channel: string, content: string, more: object = {}) => ({
  channel,
  formats: { 'http-stream': { content }, 'http-response': { body: content } },
  ...more,
});

test('held streams and requests move with their patterns, and the filters of these', async (t) => {
  const origin = await httpOrigin(t, ({ target }) => ({
    headers: {
      'Grip-Hold': target.slice(1),
      'Grip-Channel': 'a.*; pattern; filter=skip-self, a.open',
      'Grip-Set-Meta': 'user=me',
      'Content-Type': 'text/plain',
    },
  }));
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const [stream, poll] = [await rig.connect(), await rig.connect()];
  stream.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
  poll.write('GET /response HTTP/1.1\r\nHost: a\r\n\r\n');
  await stream.takeHead();
  await eventually(() => rig.old.counters.holdsOpen === 2);
  await eventually(() => rig.move() > 0 && rig.old.counters.holdsOpen === 0);
  const mine = { meta: { sender: 'me' } };
  await rig.next.publish(streamItem('a.x', 'mine', mine), streamItem('b.x', 'other'), streamItem('a.x', 'theirs'));
  assert.equal(await stream.takeChunk(), 'theirs');
  assert.equal((await poll.takeResponse()).body.toString(), 'theirs');
  await rig.next.publish(streamItem('a.open', 'open', mine));
  assert.equal(await stream.takeChunk(), 'open');
  assert.deepEqual([rig.old.role.hub.stats.channels, rig.next.role.hub.stats.channels], [0, 2]);
});

test('a WebSocket moves with its patterns, and can leave them in the other process', async (t) => {
  const origin = await startEventsOrigin(t);
  const rig = await MovingRig.start(t, [`*,prefix=p. ${origin.address},over_http`]);
  const client = await rig.connect();
  client.write(`${handshake()}\r\n`);
  const open = await origin.next();
  open.events(`OPEN\r\n${control({ type: 'subscribe', channel: 'a.*', pattern: true })}`, {
    'Sec-WebSocket-Extensions': 'grip; message-prefix=""',
  });
  await client.takeHead();
  await eventually(() => rig.old.counters.holdsOpen === 1);
  await turn();
  await turn();
  await eventually(() => rig.move() === 1);
  const message = (channel: string, content: string) => ({ channel, formats: { 'ws-message': { content } } });
  await rig.next.publish(message('a.x', 'without prefix'), message('p.a.x', 'item'));
  assert.equal(await takeFrame(client), '1 item');
  client.write(frame(TEXT, 'leave'));
  (await origin.next()).events(`${control({ type: 'unsubscribe', channel: 'a.*', pattern: true })}TEXT 4\r\nleft\r\n`);
  assert.equal(await takeFrame(client), '1 left');
  assert.equal(rig.next.role.hub.stats.channels, 0);
});

function control(message: object): string {
  const text = `c:${JSON.stringify(message)}`;
  return `TEXT ${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
