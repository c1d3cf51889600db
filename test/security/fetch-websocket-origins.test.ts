import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryOf } from '../support/fetch/fetcher.ts';
import { ending, startOriginRig } from '../support/fetch/origin-rig.ts';
import { acceptWebSocket, serverFrame, takeHandshake } from '../support/fetch/websocket-origin.ts';
import type { RawPeer } from '../support/raw-peer.ts';

const BROKEN = 'undefined-condition';

/** What an origin may answer to the handshake; `ACCEPT` stands for the right value. The connection is closed in order behind it. */
const HANDSHAKES: Readonly<Record<string, readonly [answer: string, outcome: string]>> = {
  'nothing at all': ['', BROKEN],
  rubbish: ['\x81\x05hello', BROKEN],
  'a frame in place of an answer': ['\x88\x00', BROKEN],
  'a head that breaks off': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n', BROKEN],
  'a wrong accept': [switching('Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n'), BROKEN],
  'the accept of the example in the RFC': [switching('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'), BROKEN],
  'no accept': [switching(''), BROKEN],
  'an accept and another one': [
    switching('Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n'),
    BROKEN,
  ],
  'no Upgrade': ['HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n', BROKEN],
  'no Connection': ['HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n', BROKEN],
  'an Upgrade to something else': [
    'HTTP/1.1 101 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n',
    BROKEN,
  ],
  'HTTP/1.0': [switching('Sec-WebSocket-Accept: ACCEPT\r\n').replace('HTTP/1.1', 'HTTP/1.0'), BROKEN],
  'an extension that was not offered': [
    switching('Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate\r\n'),
    BROKEN,
  ],
  'a subprotocol that was not offered': [
    switching('Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: chat\r\n'),
    BROKEN,
  ],
  '21 interim answers': ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(21), BROKEN],
  'a head of 70,000 bytes': [switching(`X: ${'y'.repeat(70_000)}\r\n`), BROKEN],
  '200': ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine', 'rejected 200 fine'],
  '403 in chunks': ['HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n', 'rejected 403 no'],
  '403 up to the end of the connection': ['HTTP/1.1 403 No\r\n\r\nno', 'rejected 403 no'],
  '403 that is shorter than its length': ['HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno', BROKEN],
  '403 in broken chunks': ['HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n', BROKEN],
  '403 of 200,000 bytes': [
    `HTTP/1.1 403 No\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`,
    `rejected 403 ${'x'.repeat(200_000)}`,
  ],
};

function switching(fields: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields}\r\n`;
}

test('every invalid response to a WebSocket handshake has its condition', async (t) => {
  const rig = await startOriginRig(t, ['max_body_bytes = 200000']);
  for (const [what, [answer, expected]] of Object.entries(HANDSHAKES)) {
    const authority = await rig.scripted(async (peer) => {
      const { accept } = await takeHandshake(peer);
      peer.end(answer.replace('ACCEPT', accept));
    });
    assert.equal(await rig.outcome('stream', { uri: `ws://${authority}/` }), expected, what);
  }
  const endless = await rig.scripted(async (peer) => {
    await peer.take();
    peer.write('HTTP/1.1 403 No\r\n\r\n');
    const more = () => {
      while (!peer.socket.destroyed && peer.socket.write('x'.repeat(10_000)));
    };
    peer.socket.on('drain', more);
    more();
  });
  assert.equal(await rig.outcome('stream', { uri: `ws://${endless}/` }), `rejected 403 ${'x'.repeat(200_000)}`);
  await rig.stop();
});

/** Bytes that a server may not send (RFC 6455 §5), and the close code that it is to be told. */
const BREACHES: Readonly<Record<string, readonly [bytes: Buffer, code: number]>> = {
  'a masked frame': [Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b]), 1002],
  'a reserved bit': [serverFrame(0xc1, 'x'), 1002],
  'a reserved opcode': [serverFrame(0x83, 'x'), 1002],
  'a reserved opcode of a control frame': [serverFrame(0x8b), 1002],
  'a piece of no message': [serverFrame(0x80, 'x'), 1002],
  'a message within a message': [Buffer.concat([serverFrame(0x01, 'x'), serverFrame(0x81, 'y')]), 1002],
  'a ping in pieces': [serverFrame(0x09, 'x'), 1002],
  'a ping of 126 bytes': [serverFrame(0x89, 'x'.repeat(126)), 1002],
  'a length that is longer than it need be': [Buffer.from([0x82, 126, 0, 1, 0x78]), 1002],
  'a length with its highest bit set': [Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1002],
  'text that is no UTF-8': [serverFrame(0x81, Buffer.from([0xc3, 0x28])), 1007],
  'text that ends within a character': [serverFrame(0x81, Buffer.from([0xe2, 0x82])), 1007],
  'a close of one byte': [serverFrame(0x88, Buffer.from([3])), 1002],
  'a close with code 1005': [serverFrame(0x88, Buffer.from([0x03, 0xed])), 1002],
  'a close with code 999': [serverFrame(0x88, Buffer.from([0x03, 0xe7])), 1002],
  'a close whose reason is no UTF-8': [serverFrame(0x88, Buffer.from([0x03, 0xe8, 0xff])), 1007],
};

test('an origin that breaks the WebSocket protocol gets a close, and its requester an error', async (t) => {
  const rig = await startOriginRig(t);
  for (const [what, [bytes, code]] of Object.entries(BREACHES)) {
    let told = Promise.resolve('');
    const authority = await rig.scripted(async (peer) => {
      await acceptWebSocket(peer);
      peer.write(Buffer.concat([serverFrame(0x82, 'first'), bytes]));
      told = peer.takeAll();
    });
    const session = await rig.ask({ uri: `ws://${authority}/` });
    assert.equal((await session.next('data')).code, 101);
    // What came before is passed on, also when it is the beginning of what is broken.
    assert.equal((await session.next('data')).body.toString(), 'first');
    assert.equal(await ending(session), BROKEN, what);
    const frame = Buffer.from(await told, 'latin1');
    const unmasked = [6, 7].map((at) => (frame[at] as number) ^ (frame[at - 4] as number));
    assert.deepEqual([frame[0], Buffer.from(unmasked).readUInt16BE()], [0x88, code], what);
  }
  await rig.stop();
});

test('frames up to buffer_size pass whatever the credit, and larger ones do not', async (t) => {
  const rig = await startOriginRig(t, ['buffer_size = 5000']);
  for (const [bytes, expected] of [
    [Buffer.concat([serverFrame(0x82, 'x'.repeat(5_000)), serverFrame(0x88)]), 'close'],
    [serverFrame(0x82, 'x'.repeat(5_001)), 'frame-too-large'],
    // That much is announced, and never comes.
    [serverFrame(0x82, 'x'.repeat(70_000)).subarray(0, 20), 'frame-too-large'],
    [Buffer.from([0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]), 'frame-too-large'],
  ] as const) {
    const authority = await rig.scripted(async (peer) => {
      await acceptWebSocket(peer);
      peer.write(bytes);
    });
    const session = await rig.ask({ uri: `ws://${authority}/`, credits: 10 });
    assert.equal((await session.next('data')).code, 101);
    if (expected !== 'close') {
      assert.equal(await ending(session), expected);
      continue;
    }
    let received = 0;
    while (received < 5_000) {
      const { body, more } = await session.next('data');
      received += body.length;
      assert.equal(more, received < 5_000);
      await session.send({ type: 'credit', credits: body.length });
    }
    await session.next('close');
    await session.send({ type: 'close' });
  }
  await rig.stop();
});

test('a WebSocket whose connection breaks ends after everything that had arrived', async (t) => {
  const rig = await startOriginRig(t);
  for (const reset of [false, true]) {
    const authority = await rig.scripted(async (peer) => {
      await acceptWebSocket(peer);
      peer.write(Buffer.concat([serverFrame(0x81, 'one'), serverFrame(0x01, 'half')]));
      // Until it has been read.
      await peer.take('\x8a');
      if (reset) peer.reset();
      else peer.end();
    });
    const session = await rig.ask({ uri: `ws://${authority}/` });
    const bodies = [];
    for (let i = 0; i < 3; i++) bodies.push((await session.next('data')).body.toString());
    assert.deepEqual(bodies, ['', 'one', 'half']);
    await session.send({ type: 'pong' });
    assert.equal(await ending(session), BROKEN);
  }
  await rig.stop();
});

/** Sends these bytes again and again behind those, as fast as they are taken. Returns how often it could. */
function flood(peer: RawPeer, first: Buffer, again: Buffer): () => number {
  let written = 0;
  peer.write(first);
  const more = () => {
    if (peer.socket.destroyed) return;
    written++;
    if (peer.socket.write(again)) setImmediate(more);
    else peer.socket.once('drain', more);
  };
  more();
  return () => written;
}

test('a flood of pings waits for credit', async (t) => {
  const rig = await startOriginRig(t);
  let written = () => 0;
  const authority = await rig.scripted(async (peer) => {
    await acceptWebSocket(peer);
    const pings = Buffer.concat(new Array(5_000).fill(serverFrame(0x89, 'x'.repeat(100))));
    written = flood(peer, Buffer.alloc(0), pings);
  });
  const session = await rig.ask({ uri: `ws://${authority}/`, credits: 1_000 });
  assert.equal((await session.next('data')).code, 101);
  for (let i = 0; i < 10; i++) assert.equal((await session.next('ping')).body.length, 100);
  // Nothing more comes without credit: so it is the origin that waits.
  await session.send({ type: 'credit', credits: 200 });
  for (let i = 0; i < 2; i++) assert.equal((await session.next('ping')).body.length, 100);
  await session.send({ type: 'cancel' });
  assert.ok(written() < 100, `${written()}`);
  await rig.stop();
});

test('a message in a flood of empty pieces takes no memory and does not affect others', async (t) => {
  const rig = await startOriginRig(t);
  let written = () => 0;
  const authority = await rig.scripted(async (peer) => {
    await acceptWebSocket(peer);
    const pieces = Buffer.concat(new Array(5_000).fill(serverFrame(0x00)));
    written = flood(peer, serverFrame(0x01, 'x'), pieces);
  });
  const session = await rig.ask({ uri: `ws://${authority}/`, credits: 1_000 });
  assert.equal((await session.next('data')).code, 101);
  assert.equal((await session.next('data')).body.toString(), 'x');
  const good = await rig.origin('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine');
  const memory = memoryOf(rig.running.program);
  while (written() < 1_000) assert.equal(await rig.outcome('stream', { uri: `http://${good}/` }), '200 fine');
  assert.ok(memoryOf(rig.running.program) - memory < 30);
  await session.send({ type: 'cancel' });
  await rig.stop();
});

test('an origin that floods empty messages, pings or pongs is cut off before others lose their responses', async (t) => {
  const rig = await startOriginRig(t);
  const good = await rig.origin('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine');
  for (const opcode of [0x81, 0x82, 0x89, 0x8a]) {
    const authority = await rig.scripted(async (peer) => {
      await acceptWebSocket(peer);
      flood(peer, Buffer.alloc(0), Buffer.concat(new Array(5_000).fill(serverFrame(opcode))));
    });
    const session = await rig.ask({ uri: `ws://${authority}/` });
    const others = Array.from({ length: 10 }, () => rig.outcome('stream', { uri: `http://${good}/` }));
    let packet = await session.nextAny();
    while (packet.type !== 'error') packet = await session.nextAny();
    assert.equal(packet.condition, BROKEN);
    assert.deepEqual(await Promise.all(others), new Array(10).fill('200 fine'));
  }
  const { zhttp, zmq } = await rig.stop();
  assert.deepEqual([zhttp.sessionsFailed, zmq.messagesDropped], [4, 0]);
});
