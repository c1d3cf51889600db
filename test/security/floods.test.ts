import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../support/manual-clock.ts';
import { startRecordingOrigin } from '../support/recording-origin.ts';
import { startApp } from '../support/running-app.ts';
import { seededRandom } from '../support/seeded-random.ts';

test('any number of connections over the maximum wait, and those within it are served', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route], { server: { maxConnections: 20 } });
  const inside = await Promise.all(Array.from({ length: 20 }, () => app.connect()));
  while (app.counters.connectionsOpen < 20) await turn();
  const outside = Array.from({ length: 1_700 }, () => app.open());
  while (app.counters.connectionsRefused < 1_700 - 1_024) await turn();
  assert.equal(app.counters.connectionsOpen, 20);
  for (const [index, client] of inside.entries()) {
    const response = await client.request(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(response.body, `GET /${index} `);
  }
  // Their turns are for others now, which have left.
  for (const client of [...outside, ...inside]) client.reset();
  while (app.counters.connectionsOpen > 0) await turn();
  assert.equal((await app.get('/again')).status, 200);
});

test('random bytes are refused or incomplete, do not reach the origin, and do not affect others', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route]);
  const random = seededRandom(t);
  for (let i = 0; i < 300; i++) {
    const client = await app.connect();
    client.end(random.bytes(random.below(3_000)).toString('latin1'));
    const text = await client.takeAll();
    assert.ok(text === '' || /^HTTP\/1\.1 (400|414|431|501|505) /.test(text), text);
    if (i % 50 === 0) assert.equal((await app.get('/fine')).body, 'GET /fine ');
  }
  assert.ok(origin.requests.every(({ url }) => url === '/fine'));
  while (app.counters.connectionsOpen > 0) await turn();
});

test('requests with random changes never reach the origin as more than one request each', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route]);
  const random = seededRandom(t);
  const valid = Buffer.from(
    'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Pad: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  );
  const strange = Buffer.from('\r\n\0\t :;,0159afGET\x7f\x80\xff', 'latin1');
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.from(valid);
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      bytes[random.below(bytes.length)] = strange[random.below(strange.length)] as number;
    }
    const before = origin.requests.length;
    const client = await app.connect();
    client.end(bytes.toString('latin1'));
    await client.ended;
    assert.ok(origin.requests.length <= before + 1, JSON.stringify(bytes.toString('latin1')));
  }
  assert.equal((await app.get('/fine')).body, 'GET /fine ');
});

test('a TLS handshake on the plain port gets an error at once', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route]);
  const client = await app.connect();
  const response = await client.request('\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03');
  assert.equal(response.status, 400);
  assert.equal(await client.ended, 'fin');
});

test('many requests on one connection retain no memory', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route]);
  const client = await app.connect();
  const batch = Array.from({ length: 100 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');
  for (let i = 0; i < 20; i++) {
    client.write(batch);
    for (let j = 0; j < 100; j++) assert.equal((await client.takeResponse()).body, `GET /${j} `);
  }
  assert.equal(app.counters.requests, 2_000);
  assert.equal(app.counters.connectionsOpen, 1);
});

test('short connections leave nothing behind', async (t) => {
  const origin = await startRecordingOrigin(t);
  const app = await startApp(t, [origin.route]);
  for (let i = 0; i < 500; i++) {
    const client = await app.connect();
    if (i % 3 === 0) client.reset();
    else if (i % 3 === 1) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n').reset();
    else client.end();
  }
  while (app.counters.connectionsAccepted < 500 || app.counters.connectionsOpen > 0) await turn();
  assert.equal((await app.get('/fine')).status, 200);
});
