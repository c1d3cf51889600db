import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PING } from '../../src/codec/websocket/index.ts';
import { httpOrigin } from '../support/http-origin.ts';
import { turn } from '../support/manual-clock.ts';
import { MovingRig } from '../support/moving-rig.ts';
import { eventually } from '../support/running-app.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startEventsOrigin } from '../support/websocket/events-origin.ts';
import { frame, handshake, takeFrame } from '../unit/server/raw-websocket.ts';

test('a WebSocket that moves to and fro gets a pong for each ping, however the bytes are cut', async (t) => {
  const random = seededRandom(t);
  const origin = await startEventsOrigin(t);
  const rig = await MovingRig.start(t, [`* ${origin.address},over_http`]);
  const client = await rig.connect();
  client.write(`${handshake()}\r\n`);
  (await origin.next()).events('OPEN\r\nTEXT 13\r\nc:{"type":"detach"}\r\n', {
    'Sec-WebSocket-Extensions': 'grip; message-prefix=""',
  });
  await client.takeHead();
  (await origin.next()).events();
  const payloads = Array.from({ length: 60 }, () => random.bytes(random.below(126)).toString('latin1'));
  const bytes = Buffer.concat(payloads.map((payload) => frame(PING, payload)));
  // Many cuts are between two frames.
  const ends = payloads.map((_, i) => payloads.slice(0, i + 1).reduce((sum, { length }) => sum + 6 + length, 0));
  let [from, to] = [rig.old, rig.next];
  let moves = 0;
  for (let at = 0; at < bytes.length; ) {
    const next = ends.find((end) => end > at) ?? bytes.length;
    const end = random.below(2) === 0 ? next : Math.min(bytes.length, at + 1 + random.below(100));
    client.write(bytes.subarray(at, end));
    at = end;
    for (let turns = random.below(20); turns > 0; turns--) await turn();
    if (rig.moveBetween(from, to) === 0) continue;
    [from, to] = [to, from];
    moves++;
  }
  for (const payload of payloads) assert.equal(await takeFrame(client), `10 ${payload}`);
  assert.ok(moves > 2, `${moves} moves`);
});

test('requests that are cut anywhere get their responses in order, while their connection moves to and fro', async (t) => {
  const random = seededRandom(t);
  const origin = await httpOrigin(t, ({ target, body }) => ({ body: `${target} ${body}` }));
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await rig.connect();
  const bodies = Array.from({ length: 40 }, () => 'x'.repeat(random.below(50)));
  const text = bodies.map(
    (body, i) => `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const bytes = Buffer.from(text.join(''));
  let [from, to] = [rig.old, rig.next];
  let moves = 0;
  const taken = (async () => {
    for (const [i, body] of bodies.entries()) assert.equal((await client.takeResponse()).body, `/${i} ${body}`);
  })();
  const ends = text.map((_, i) => text.slice(0, i + 1).join('').length);
  for (let at = 0; at < bytes.length; ) {
    const next = ends.find((end) => end > at) ?? bytes.length;
    const atEnd = random.below(3) === 0;
    const end = atEnd ? next : Math.min(bytes.length, at + 1 + random.below(120));
    client.write(bytes.subarray(at, end));
    at = end;
    // Between two requests it moves when the response has gone; else it may.
    if (atEnd) await eventually(() => rig.moveBetween(from, to) === 1);
    else if (rig.moveBetween(from, to) === 0) continue;
    [from, to] = [to, from];
    moves++;
  }
  await taken;
  await eventually(() => rig.moveBetween(from, to) === 1);
  assert.equal((await client.request('GET /last HTTP/1.1\r\nHost: a\r\n\r\n')).body, '/last ');
  assert.ok(moves > 2, `${moves} moves`);
});
