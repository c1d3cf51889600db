import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSite } from '../support/mongrel2/site-rig.ts';

const HOST = 'Host: localhost\r\n';
const HIDDEN = 'GET /h/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Heads that two servers may understand differently, each followed by what only one of them takes for a request. */
const AMBIGUOUS = [
  ['Content-Length and Transfer-Encoding', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'],
  ['Transfer-Encoding and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n'],
  ['a negative length', 'Content-Length: -1\r\n'],
  ['a length with a sign', 'Content-Length: +4\r\n'],
  ['a length that is no number', 'Content-Length: four\r\n'],
  ['a length in hexadecimal digits', 'Content-Length: 0x4\r\n'],
  ['an empty length', 'Content-Length: \r\n'],
  ['two lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n'],
  ['twice the same length', 'Content-Length: 4\r\nContent-Length: 4\r\n'],
  ['a list of lengths', 'Content-Length: 4, 4\r\n'],
  ['a length of too many digits', 'Content-Length: 99999999999999999999\r\n'],
  ['a coding after chunked', 'Transfer-Encoding: chunked, identity\r\n'],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n'],
  ['a space before the colon', 'Content-Length : 4\r\n'],
  ['a folded field', 'X: a\r\n Content-Length: 4\r\n'],
  ['a bare CR in a field', 'X: a\rContent-Length: 4\r\n'],
  ['a NUL in a field', 'Content-Length: 4\0\r\n'],
  ['a second Host', 'Host: other\r\n'],
] as const;

for (const [name, fields] of AMBIGUOUS) {
  test(`${name} is refused, and nothing after it is read`, async (t) => {
    const rig = await startSite(t);
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(`POST /h HTTP/1.1\r\n${HOST}${fields}\r\n${HIDDEN}`);
    const { status } = await client.takeResponse();
    assert.ok(status === 400 || status === 501, String(status));
    assert.equal(await client.ended, 'fin');
    assert.equal(handler.texts.length, 0);
  });
}

test('it is refused as well behind a request that a handler has', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(
    `GET /h HTTP/1.1\r\n${HOST}\r\nPOST /h HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN}`,
  );
  const { id } = await handler.next();
  assert.equal((await client.takeResponse()).status, 400);
  client.end();
  assert.equal(await handler.nextGone(), id);
  assert.equal(handler.texts.length, 2);
});

test('Transfer-Encoding in HTTP/1.0 is refused', async (t) => {
  const rig = await startSite(t);
  await rig.handler();
  const client = await rig.connect();
  client.write(`POST /h HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`);
  assert.equal((await client.takeResponse()).status, 400);
});

test('a body that looks like a request stays a body, also where lines end in LF alone', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  for (const head of [
    `POST /h HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n`,
    `POST /h HTTP/1.1\nHost: localhost\nContent-Length: ${HIDDEN.length}\n\n`,
  ]) {
    const client = await rig.connect();
    client.write(head + HIDDEN);
    const { path, body } = await handler.next();
    assert.deepEqual([path, body.toString()], ['/h', HIDDEN]);
  }
  assert.equal(handler.texts.length, 2);
});

test('chunk sizes that two servers may read differently break the connection off before the handler hears of the request', async (t) => {
  for (const chunk of ['-1\r\n', '0x1\r\n', '1;\nx\r\n', '1 \r\nx\r\n', 'fffffffffffffffff\r\n', '1\r\nxx\r\n']) {
    const rig = await startSite(t);
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(`POST /h HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunk}${HIDDEN}`);
    const { status } = await client.takeResponse();
    assert.equal(status, 400, chunk);
    assert.equal(handler.texts.length, 0);
  }
});

test('the split of the bytes changes nothing', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const text = `POST /h HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabcGET /h HTTP/1.1\nHost: localhost\n\n`;
  for (let at = 1; at < text.length; at++) {
    const client = await rig.connect();
    client.write(text.slice(0, at));
    await new Promise(setImmediate);
    client.write(text.slice(at));
    const [first, second] = await handler.messages.take(2);
    assert.deepEqual(
      [first?.body.toString(), second?.body.toString(), second?.headers.get('METHOD')],
      ['abc', '', 'GET'],
    );
  }
});
