import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ending, MODES, type OriginRig, startOriginRig } from '../support/fetch/origin-rig.ts';
import type { RawPeer } from '../support/raw-peer.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const BROKEN = 'undefined-condition';

/** What an origin may answer, and what comes of it. The connection is closed in order behind it. */
const ANSWERS: Readonly<Record<string, readonly [bytes: string, outcome: string]>> = {
  'nothing at all': ['', BROKEN],
  'text of no protocol': ['garbage\r\n\r\n', BROKEN],
  'text of another protocol': ['SSH-2.0-OpenSSH_9.2\r\n', BROKEN],
  zeros: ['\0'.repeat(1_000), BROKEN],
  'a request': ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', BROKEN],
  'a TLS alert': ['\x15\x03\x03\x00\x02\x02\x28', BROKEN],
  'a head that breaks off': [`${OK}Content-Length: 4\r\n`, BROKEN],
  'a version of its own': ['HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', BROKEN],
  'a status of two digits': ['HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n', BROKEN],
  'a status that is no number': ['HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n', BROKEN],
  'a field without a colon': [`${OK}X\r\nContent-Length: 0\r\n\r\n`, BROKEN],
  'a space in front of a colon': [`${OK}Content-Length : 0\r\n\r\n`, BROKEN],
  'a NUL in a field': [`${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n`, BROKEN],
  'a field without a space behind its colon': [`${OK}Content-Length:4\r\n\r\nfine`, '200 fine'],
  'a head of 70,000 bytes': [`${OK}X: ${'y'.repeat(70_000)}\r\n\r\n`, BROKEN],
  'a head of 60,000 bytes': [`${OK}X: ${'y'.repeat(60_000)}\r\nContent-Length: 4\r\n\r\nfine`, '200 fine'],
  '129 fields': [`${OK}${'X: y\r\n'.repeat(128)}Content-Length: 0\r\n\r\n`, BROKEN],
  '128 fields': [`${OK}${'X: y\r\n'.repeat(127)}Content-Length: 4\r\n\r\nfine`, '200 fine'],
  'a switch of protocols': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', BROKEN],
  '21 interim answers': [`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(21)}${OK}Content-Length: 4\r\n\r\nfine`, BROKEN],
  '20 interim answers': [`${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20)}${OK}Content-Length: 4\r\n\r\nfine`, '200 fine'],
  'a body that is shorter than its length': [`${OK}Content-Length: 10\r\n\r\nhalf`, BROKEN],
  'a body that is longer than its length': [`${OK}Content-Length: 4\r\n\r\nfine and more`, '200 fine'],
  'another answer behind its own': [`${OK}Content-Length: 4\r\n\r\nfine${OK}Content-Length: 4\r\n\r\nevil`, '200 fine'],
  'two lengths': [`${OK}Content-Length: 4\r\nContent-Length: 5\r\n\r\nfine!`, BROKEN],
  'a list of lengths': [`${OK}Content-Length: 4, 5\r\n\r\nfine!`, BROKEN],
  'a length that is negative': [`${OK}Content-Length: -1\r\n\r\n`, BROKEN],
  'a length that is no number': [`${OK}Content-Length: 0x4\r\n\r\nfine`, BROKEN],
  'a length beyond all numbers': [`${OK}Content-Length: 99999999999999999999\r\n\r\nfine`, BROKEN],
  'both a length and chunks': [
    `${OK}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n`,
    BROKEN,
  ],
  'a coding of its own': [`${OK}Transfer-Encoding: x\r\n\r\nfine`, BROKEN],
  'chunks that are not the last coding': [`${OK}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, BROKEN],
  'a chunk without a size': [`${OK}Transfer-Encoding: chunked\r\n\r\nfine\r\n0\r\n\r\n`, BROKEN],
  'a chunk of a size beyond all numbers': [`${OK}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\nfine`, BROKEN],
  'a chunk that is longer than its size': [`${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nfine!\r\n0\r\n\r\n`, BROKEN],
  'a chunk that breaks off': [`${OK}Transfer-Encoding: chunked\r\n\r\n10\r\nfine`, BROKEN],
  'no last chunk': [`${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n`, BROKEN],
  'trailers that do not end': [
    `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n${'X: y\r\n'.repeat(20_000)}`,
    BROKEN,
  ],
  'a body up to the end of the connection': [`${OK}\r\nfine`, '200 fine'],
  'a body behind 204': ['HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil', '204 '],
  'what is not packed at all': [`${OK}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfine`, BROKEN],
  'what breaks off packed': [`${OK}Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n${packed(12)}`, BROKEN],
  'what is packed in a coding of its own': [`${OK}Content-Encoding: x\r\nContent-Length: 4\r\n\r\nfine`, '200 fine'],
};

function packed(bytes: number): string {
  return gzipSync('some text').subarray(0, bytes).toString('latin1');
}

test('every invalid response of an origin has its condition, in every mode', async (t) => {
  const rig = await startOriginRig(t);
  let failures = 0;
  for (const [what, [bytes, expected]] of Object.entries(ANSWERS)) {
    const uri = `http://${await rig.origin(Buffer.from(bytes, 'latin1'))}/`;
    if (expected === BROKEN) failures += MODES.length;
    const outcomes = await Promise.all(MODES.map((mode) => rig.outcome(mode, { uri })));
    assert.deepEqual(outcomes, new Array(MODES.length).fill(expected), what);
  }
  const { zhttp, client } = await rig.stop();
  assert.deepEqual([zhttp.sessionsFailed, client.originErrors], [failures, failures]);
});

test('an origin that breaks off anywhere leads to a condition', async (t) => {
  const rig = await startOriginRig(t);
  const chunks = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
  const length = `${OK}Content-Length: 9\r\n\r\n`;
  for (const text of [
    '',
    'HTTP/1.1 2',
    OK,
    length,
    `${length}begun`,
    chunks,
    `${chunks}5\r\nbe`,
    `${chunks}5\r\nbegun\r\n`,
  ]) {
    const authority = await rig.scripted(async (peer) => {
      await peer.take();
      if (text === '') peer.reset();
      else peer.socket.write(text, 'latin1', () => peer.reset());
    });
    for (const mode of MODES) {
      assert.equal(await rig.outcome(mode, { uri: `http://${authority}/` }), BROKEN, `${mode}: ${text}`);
    }
  }
  // Where the end of the connection is the end of the body, it has to be one in order.
  let origin: RawPeer | undefined;
  const authority = await rig.scripted(async (peer) => {
    origin = peer;
    await peer.take();
    peer.write(`${OK}\r\nbegun`);
  });
  const session = await rig.ask({ uri: `http://${authority}/` });
  assert.equal((await session.next('data')).body.toString(), 'begun');
  origin?.reset();
  assert.equal(await ending(session), BROKEN);
  await rig.stop();
});

test('responses that never end are cut off at their limit', async (t) => {
  const rig = await startOriginRig(t, ['max_body_bytes = 100_000']);
  /** Sends the beginning, and then the rest again and again. */
  const endless = (beginning: string, rest: string) =>
    rig.scripted(async (peer) => {
      await peer.take();
      peer.write(beginning);
      const more = () => {
        while (!peer.socket.destroyed && peer.socket.write(rest, 'latin1'));
      };
      peer.socket.on('drain', more);
      more();
    });
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
  for (const [what, beginning, rest] of [
    ['head', `${OK}X: `, 'y'.repeat(10_000)],
    ['fields', OK, 'X: y\r\n'.repeat(1_000)],
    ['interim answers', '', 'HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n'.repeat(100)],
    ['size of a chunk', chunked, '0'.repeat(10_000)],
    ['extension of a chunk', `${chunked}1;`, 'x'.repeat(10_000)],
    ['trailers', `${chunked}0\r\n`, 'X: y\r\n'.repeat(1_000)],
  ] as const) {
    const uri = `http://${await endless(beginning, rest)}/`;
    for (const mode of MODES) assert.equal(await rig.outcome(mode, { uri }), BROKEN, `${mode}: ${what}`);
  }
  for (const [what, beginning, rest] of [
    ['chunks', chunked, `3e8\r\n${'x'.repeat(1_000)}\r\n`],
    ['bodies up to the end of the connection', `${OK}\r\n`, 'x'.repeat(1_000)],
  ] as const) {
    const uri = `http://${await endless(beginning, rest)}/`;
    for (const mode of ['req', 'single'] as const) {
      assert.equal(await rig.outcome(mode, { uri }), BROKEN, `${mode}: ${what}`);
      assert.equal(await rig.outcome(mode, { uri, maxSize: 50_000 }), 'max-size-exceeded', `${mode}: ${what}`);
    }
    assert.equal(await rig.outcome('stream', { uri, maxSize: 50_000 }), 'max-size-exceeded', what);
    // A stream goes on as long as somebody wants it.
    const session = await rig.ask({ uri, credits: 10_000 });
    let received = 0;
    while (received < 10_000) received += (await session.next('data')).body.length;
    assert.equal(received, 10_000);
    await session.send({ type: 'cancel' });
  }
  await rig.stop();
});

/** An origin whose every path redirects to what the test says for it. */
async function redirecting(rig: OriginRig, locationOf: (path: string) => string | null): Promise<string> {
  return rig.scripted(async (peer) => {
    for (;;) {
      const [, path = ''] = /^[A-Z]+ (\S+)/.exec(await peer.take()) ?? [];
      const location = locationOf(path);
      if (location === null) peer.write(`${OK}Content-Length: 4\r\n\r\nfine`);
      else peer.write(`HTTP/1.1 302 Found\r\nContent-Length: 0\r\n${location}\r\n\r\n`);
    }
  });
}

test('circular and invalid redirects end', async (t) => {
  const rig = await startOriginRig(t);
  const steps = await redirecting(rig, (path) => (path === '/0' ? null : `Location: /${Number(path.slice(1)) - 1}`));
  const circle = await redirecting(rig, () => 'Location: /');
  for (const mode of MODES) {
    const follow = (uri: string) => rig.outcome(mode, { uri, followRedirects: true });
    assert.equal(await follow(`http://${steps}/8`), '200 fine');
    assert.equal(await follow(`http://${steps}/9`), 'too-many-redirects');
    assert.equal(await follow(`http://${circle}/`), 'too-many-redirects');
  }
  const longer = await redirecting(rig, (path) => `Location: ${path}${'x'.repeat(10_000)}`);
  // In the end its head is too large.
  assert.equal(await rig.outcome('req', { uri: `http://${longer}/`, followRedirects: true }), BROKEN);
  const nobody = await redirecting(rig, () => 'Location: http://127.0.0.1:1/');
  assert.equal(
    await rig.outcome('req', { uri: `http://${nobody}/`, followRedirects: true }),
    'remote-connection-failed',
  );
  for (const field of [
    'X: y',
    'Location: ',
    'Location: http://',
    'Location: http://[::1',
    'Location: ftp://127.0.0.1/',
    'Location: ws://127.0.0.1/',
    'Location: http://127.0.0.1:99999/',
    'Location: //',
    `Location: /${'x'.repeat(70_000)}`.slice(0, 60_000).replace('/', 'nonsense://'),
  ]) {
    const nonsense = await redirecting(rig, () => field);
    for (const mode of MODES) {
      assert.equal(await rig.outcome(mode, { uri: `http://${nonsense}/`, followRedirects: true }), '302 ', field);
    }
  }
  await rig.stop();
});

test('a response that comes before the upload has ended is the response', async (t) => {
  const rig = await startOriginRig(t);
  const early = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nstop';
  for (const [what, act, outcome] of [
    ['an answer', early, '413 stop'],
    ['an answer that breaks off', early.slice(0, -2), BROKEN],
    ['nothing', '', BROKEN],
  ] as const) {
    const authority = await rig.scripted(async (peer) => {
      await peer.take();
      peer.end(act);
    });
    for (const stream of [true, false]) {
      const fields = { method: 'POST', uri: `http://${authority}/`, stream, more: true, body: Buffer.from('begun') };
      const session = await rig.ask(fields);
      assert.equal(await ending(session), outcome, what);
      // What is sent to a session that has just ended is overtaken by its response, and nothing is said about it.
      await session.send({ body: Buffer.from('more'), more: true });
    }
  }
  await rig.stop();
});
