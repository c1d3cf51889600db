import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { openWebSocket } from '../support/edge/websocket-client.ts';

const TEXT = 'the same words again and again, '.repeat(2_000);

for (const [what, perMessageDeflate] of [
  ['with context takeover', true],
  ['without it', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ['with windows of 9 bits', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
] as const) {
  test(`--compression: messages are compressed both ways, and plain for the handler, ${what}`, async (t) => {
    const edge = await startEdge(t, ['--compression']);
    const handler = await Handler.start(t, edge.base);
    const options = { perMessageDeflate: { threshold: 0, ...(perMessageDeflate === true ? {} : perMessageDeflate) } };
    const { client, session } = await openWebSocket(t, edge.address, handler, options);
    assert.match(client.socket.extensions, /^permessage-deflate/);
    for (let i = 0; i < 3; i++) {
      client.socket.send(`${i} ${TEXT}`);
      const received = await session.takeBody();
      assert.ok(received.toString() === `${i} ${TEXT}`);
      await session.sendBody(received);
      assert.ok((await client.next()) === `text ${i} ${TEXT}`);
      await session.send({ type: 'credit', credits: 8_192 });
    }
    client.socket.send('');
    assert.equal((await session.next('data')).body.length, 0);
    await session.send({});
    assert.equal(await client.next(), 'text ');
    // Control frames are never compressed.
    client.socket.ping('p');
    assert.equal((await session.next('ping')).body.toString(), 'p');
    client.socket.terminate();
    await session.next('cancel');
    await edge.stop();
  });
}

test('--compression: 10 MB that compress well cost a client 10 MB of credit', async (t) => {
  const edge = await startEdge(t, ['--compression']);
  const handler = await Handler.start(t, edge.base);
  const { client, session } = await openWebSocket(t, edge.address, handler, { perMessageDeflate: { threshold: 0 } });
  const data = Buffer.alloc(10_000_000, 'x');
  client.socket.send(data);
  const first = await session.next('data');
  assert.ok(first.body.length <= 8_192 && first.more);
  await session.send({ type: 'credit', credits: 100_000 });
  assert.equal((await session.takeBody()).length + first.body.length, data.length);
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('without --compression an offer is not taken up', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const { client, session } = await openWebSocket(t, edge.address, handler, { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});
