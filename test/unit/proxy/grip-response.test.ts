import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { GripBytes, MAX_GRIP_BYTES } from '../../../src/proxy/grip-bytes.ts';
import { MAX_INSTRUCT_BODY } from '../../../src/proxy/grip-response.ts';
import { assertError, GripRig, RESPONSE, STREAM } from './support/grip-rig.ts';

/** What may wait for a slow client, and the pieces that were on their way when that was noticed. */
const WAITING = 131_072 + 65_536;

const LARGE = Buffer.alloc(MAX_INSTRUCT_BODY + 1, 'x');

test('A response without a hold is relayed without its GRIP fields', () => {
  const rig = new GripRig({ status: 201, reason: 'Made', headers: ['Grip-Channel', 'a', 'X-Own', '1'] }).body('hello');
  assert.equal(rig.relayed, 201);
  assert.deepEqual(rig.client.head, { status: 201, reason: 'Made', headers: ['X-Own', '1'], bodyLength: 5 });
  assert.equal(rig.client.body, 'hello');
  assert.equal(rig.client.end, 'complete');
  assert.equal(rig.streaming, false);
});

test('A relayed body larger than the credits continues as they are granted', () => {
  const rig = new GripRig({ headers: ['Grip-Channel', 'a'] }, { credits: 10 }).body(
    Buffer.alloc(MAX_INSTRUCT_BODY, 'x'),
  );
  assert.equal(rig.client.body.length, 10);
  assert.equal(rig.client.end, null);
  rig.client.grant(MAX_INSTRUCT_BODY);
  assert.equal(rig.client.body.length, MAX_INSTRUCT_BODY);
  assert.equal(rig.client.end, 'complete');
  assert.equal(rig.held, null);
});

test('A response hold collects the whole body, and the client gets nothing yet', () => {
  const rig = new GripRig({ headers: [...RESPONSE, 'X-Own', '1'] }, { credits: 100 });
  for (const char of 'timeout') rig.response.data(Buffer.from(char), true);
  rig.assertOpen();
  rig.response.data(Buffer.alloc(0), false);
  assert.equal(rig.held?.instruct.hold?.mode, 'response');
  assert.deepEqual(rig.held?.instruct.response.headers, ['X-Own', '1']);
  assert.equal(rig.held?.instruct.response.body.toString(), 'timeout');
  assert.deepEqual([rig.held?.credits, rig.held?.responseStarted], [100, false]);
  assert.deepEqual(rig.client.calls, []);
  assert.equal(rig.streaming, false);
});

test('The origin gets its credit back while the body is collected', () => {
  const rig = new GripRig({});
  rig.response.data(Buffer.alloc(60_000), true);
  rig.response.data(Buffer.alloc(30_000), true);
  assert.equal(rig.originCredit, 90_000);
});

test('A small stream hold is left to the hub as a whole', () => {
  const rig = new GripRig({ headers: STREAM }, { credits: 3 }).body('hello');
  assert.equal(rig.held?.instruct.response.body.toString(), 'hello');
  assert.deepEqual([rig.held?.credits, rig.held?.responseStarted], [3, false]);
  assert.deepEqual(rig.client.calls, []);
});

test('A body of exactly the maximum is held in either mode', () => {
  for (const headers of [RESPONSE, STREAM]) {
    const rig = new GripRig({ headers }).body(Buffer.alloc(MAX_INSTRUCT_BODY));
    assert.equal(rig.held?.responseStarted, false);
  }
});

test('A HEAD request gets its response at once, whatever the hold', () => {
  for (const headers of [RESPONSE, STREAM]) {
    const rig = new GripRig({ headers: [...headers, 'X-Own', '1'], bodyLength: 0 }, { method: 'HEAD' }).body('');
    assert.deepEqual(rig.client.head?.headers, ['X-Own', '1']);
    assert.equal(rig.client.end, 'complete');
    rig.response.credit(10);
    assert.equal(rig.held, null);
  }
});

test('A stream hold with a status without a body completes at once', () => {
  for (const status of ['204', '304']) {
    const rig = new GripRig({ headers: [...STREAM, 'Grip-Status', status] }, { credits: 1 }).body(
      'ignored by the writer',
    );
    assert.equal(rig.relayed, Number(status));
    rig.client.grant(100);
    assert.equal(rig.client.end, 'complete');
    assert.equal(rig.held, null);
  }
});

test('A held response may have a status without a body', () => {
  const rig = new GripRig({ headers: [...RESPONSE, 'Grip-Status', '304'] }).body('');
  assert.equal(rig.held?.instruct.response.status, 304);
});

test('A large beginning of a stream goes to the client as it comes, and is held at its end', () => {
  const rig = new GripRig({ status: 202, reason: 'Fine', headers: [...STREAM, 'X-Own', '1'] }, { credits: 1_000_000 });
  rig.response.data(LARGE, true);
  assert.deepEqual(rig.client.head, {
    status: 202,
    reason: 'Fine',
    headers: ['X-Own', '1'],
    bodyLength: UNKNOWN_LENGTH,
  });
  assert.equal(rig.client.body.length, LARGE.length);
  assert.equal(rig.streaming, true);
  rig.response.data(Buffer.from('more'), true);
  assert.equal(rig.client.body.length, LARGE.length + 4);
  rig.assertOpen();
  rig.response.data(Buffer.from('end'), false);
  assert.equal(rig.client.body.slice(-7), 'moreend');
  assert.equal(rig.client.end, null);
  assert.deepEqual([rig.held?.credits, rig.held?.responseStarted], [1_000_000 - LARGE.length - 7, true]);
  assert.equal(rig.held?.instruct.response.body.length, 0);
});

test('A slow client holds the origin of a large beginning back, and is held after it has taken all', () => {
  const rig = new GripRig({ headers: STREAM }, { credits: 0 });
  const piece = Buffer.alloc(65_536, 'x');
  let taken = 0;
  const total = 40 * piece.length;
  for (let sent = 0; sent < total; sent += piece.length) {
    // An origin sends what it was granted, and 65,536 bytes before that.
    while (65_536 + rig.originCredit - sent < piece.length) {
      assert.ok(sent - taken >= MAX_INSTRUCT_BODY, 'the origin waits though little does');
      rig.client.grant(10_000);
      taken += 10_000;
    }
    rig.response.data(piece, true);
    assert.ok(sent + piece.length - taken <= WAITING + 65_536);
  }
  rig.response.data(Buffer.alloc(0), false);
  rig.client.grant(total - taken - 1);
  rig.assertOpen();
  rig.client.grant(1);
  assert.equal(rig.client.body.length, total);
  assert.deepEqual([rig.held?.credits, rig.held?.responseStarted], [0, true]);
});

test('A large body that does not begin a stream is refused as soon as that is known', () => {
  const json = ['Content-Type', 'application/grip-instruct'];
  for (const headers of [RESPONSE, ['Grip-Channel', 'a'], json, [...json, ...STREAM], ['Grip-Hold', 'wrong']]) {
    const rig = new GripRig({ headers });
    rig.response.data(LARGE, true);
    assertError(
      rig,
      'HF_GRIP_TOO_LARGE',
      /^GRIP instruct response over 100000 bytes that is not the beginning of a stream$/,
    );
  }
});

test('Invalid instructions are refused with an error that says what is wrong', () => {
  const rig = new GripRig({ headers: ['Grip-Hold', 'maybe'] }).body('');
  assertError(
    rig,
    'HF_GRIP_INVALID',
    /^Failed to parse accept instructions: Grip-Hold is neither 'response' nor 'stream'$/,
  );
});

test('Invalid instructions of a large stream are an error before any byte is passed on', () => {
  const rig = new GripRig({ headers: [...STREAM, 'Grip-Keep-Alive', ''] });
  rig.response.data(LARGE, true);
  assertError(rig, 'HF_GRIP_INVALID', /^Failed to parse accept instructions: Grip-Keep-Alive has no content$/);
});

test('A status that cannot be final is an error', () => {
  for (const status of ['0', '101', '199']) {
    const rig = new GripRig({ headers: [...RESPONSE, 'Grip-Status', status] }).body('');
    assertError(rig, 'HF_GRIP_INVALID', new RegExp(`${status} is not a final status$`));
  }
});

test('GRIP fields that Connection names are not followed, however large the body', () => {
  const headers = [...STREAM, 'Connection', 'grip-hold'];
  assert.equal(new GripRig({ headers }).body('hello').relayed, 200);
  const large = new GripRig({ headers });
  large.response.data(LARGE, true);
  assertError(large, 'HF_GRIP_TOO_LARGE', /not the beginning of a stream/);
});

test('What a GRIP response keeps is counted while it is read, at least 256 bytes', () => {
  const all = new GripBytes();
  const held = new GripRig({}, { all });
  assert.equal(all.used, 256);
  held.response.data(Buffer.alloc(1_000), true);
  assert.equal(all.used, 1_000);
  const left = new GripRig({}, { all });
  left.response.cancel();
  held.response.data(Buffer.alloc(0), false);
  assert.equal(all.used, 0);
  const relayed = new GripRig({ headers: ['Grip-Channel', 'a'] }, { all, credits: 10 }).body(Buffer.alloc(1_000));
  assert.equal(all.used, 990);
  relayed.client.grant(990);
  assert.equal(all.used, 0);
  const stream = new GripRig({ headers: STREAM }, { all, credits: LARGE.length - 500 });
  stream.response.data(LARGE, true);
  assert.equal(all.used, 500);
  stream.client.grant(500);
  stream.response.data(Buffer.alloc(0), false);
  assert.equal(all.used, 0);
});

test('While GRIP responses keep too much, each may keep one window, and origins of streams wait for their clients', () => {
  const all = new GripBytes();
  all.used = MAX_GRIP_BYTES;
  const small = new GripRig({}, { all }).body(Buffer.alloc(65_536));
  assert.equal(small.held?.instruct.response.body.length, 65_536);
  const large = new GripRig({}, { all }).body(Buffer.alloc(65_537));
  assertError(large, 'HF_GRIP_TOO_LARGE', /over 65536 bytes/);
  const stream = new GripRig({ headers: STREAM }, { all, credits: 0 });
  stream.response.data(Buffer.alloc(65_536), true);
  stream.response.data(Buffer.alloc(1), true);
  const granted = stream.originCredit;
  stream.client.grant(65_536);
  assert.equal(stream.originCredit, granted);
  stream.client.grant(1);
  assert.equal(stream.originCredit, 65_537);
});
