import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreditedBody, CreditedRequest, NO_RESPONDER, Payload } from '../../../src/exchange/index.ts';

/** A body whose receiver records what it gets. */
class Recorded extends CreditedBody {
  readonly chunks: Buffer[] = [];
  readonly payloads: Payload[] = [];
  ended = false;
  /** Called with every chunk. */
  onPass: () => void = () => {};

  get texts(): string[] {
    return this.chunks.map((chunk) => chunk.toString());
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    assert.equal(this.ended, false, 'bytes after the end');
    assert.ok(chunk.length > 0 || !more, 'an empty chunk that is not the last');
    this.chunks.push(chunk);
    this.ended = !more;
    this.onPass();
  }

  protected override passPayload(payload: Payload): void {
    this.payloads.push(payload);
    super.passPayload(payload);
  }
}

test('bytes within the credits are passed at once, without a copy', () => {
  const body = new Recorded(10);
  const chunk = Buffer.from('hello');
  body.give(chunk);
  assert.equal(body.chunks[0], chunk);
  assert.equal(body.credits, 5);
  assert.equal(body.waiting, 0);
});

test('bytes beyond the credits wait in order and are cut where the credits end', () => {
  const body = new Recorded(3);
  body.give(Buffer.from('hello'));
  body.give(Buffer.from('world'));
  assert.deepEqual(body.texts, ['hel']);
  assert.equal(body.waiting, 7);
  body.credit(4);
  assert.deepEqual(body.texts, ['hel', 'lo', 'wo']);
  body.credit(100);
  assert.deepEqual(body.texts, ['hel', 'lo', 'wo', 'rld']);
  assert.equal(body.waiting, 0);
  assert.equal(body.credits, 97);
});

test('the last byte ends the body', () => {
  const body = new Recorded(3);
  body.give(Buffer.from('hello'), true);
  assert.equal(body.ended, false);
  assert.equal(body.done, false);
  body.credit(2);
  assert.deepEqual(body.texts, ['hel', 'lo']);
  assert.equal(body.ended, true);
  assert.equal(body.done, true);
});

test('an end without bytes needs no credits, and follows waiting bytes', () => {
  const empty = new Recorded(0);
  empty.end();
  assert.equal(empty.ended, true);

  const waiting = new Recorded(0);
  waiting.give(Buffer.from('ab'));
  waiting.end();
  assert.equal(waiting.ended, false);
  waiting.credit(1);
  assert.equal(waiting.ended, false);
  waiting.credit(1);
  assert.deepEqual(waiting.texts, ['a', 'b']);
  assert.equal(waiting.ended, true);
});

test('an empty chunk in between is not passed', () => {
  const body = new Recorded(10);
  body.give(Buffer.alloc(0));
  assert.deepEqual(body.chunks, []);
  assert.equal(body.ended, false);
});

test('credits granted within the call that spends them are used in order, without recursion', () => {
  const body = new Recorded(1);
  const text = '0123456789'.repeat(5_000);
  body.onPass = () => {
    if (body.chunks.length < text.length) body.credit(1);
  };
  body.give(Buffer.from(text), true);
  assert.equal(body.texts.join(''), text);
  assert.equal(body.ended, true);
});

test('bytes given within a call follow those of the call', () => {
  const body = new Recorded(100);
  body.onPass = () => {
    if (body.chunks.length === 1) body.give(Buffer.from('second'));
    if (body.chunks.length === 2) body.end();
  };
  body.give(Buffer.from('first'));
  assert.deepEqual(body.texts, ['first', 'second', '']);
  assert.equal(body.ended, true);
});

test('a dropped body passes nothing, even if it is dropped within a call', () => {
  const dropped = new Recorded(1);
  dropped.give(Buffer.from('hello'), true);
  dropped.drop();
  dropped.credit(10);
  dropped.give(Buffer.from('more'));
  assert.deepEqual(dropped.texts, ['h']);
  assert.equal(dropped.waiting, 0);

  const within = new Recorded(0);
  within.onPass = () => within.drop();
  within.give(Buffer.alloc(2_000));
  within.give(Buffer.alloc(2_000));
  within.credit(4_000);
  assert.equal(within.chunks.length, 1);
});

test('a held body passes nothing until it is released', () => {
  const body = new Recorded(10);
  body.hold();
  body.give(Buffer.from('a'));
  body.end();
  assert.deepEqual(body.chunks, []);
  assert.equal(body.waiting, 1);
  body.release();
  assert.deepEqual(body.texts, ['a']);
  assert.equal(body.ended, true);
});

test('a body held within a call stops there', () => {
  const body = new Recorded(0);
  body.onPass = () => body.hold();
  body.give(Buffer.alloc(2_000));
  body.give(Buffer.alloc(2_000));
  body.credit(4_000);
  assert.equal(body.chunks.length, 1);
  body.release();
  assert.equal(body.chunks.length, 2);
});

test('a payload is passed whole if the credits cover it, and in parts otherwise', () => {
  const body = new Recorded(5);
  const whole = new Payload(Buffer.from('whole'));
  const parts = new Payload(Buffer.from('parts'), 3);
  body.givePayload(whole);
  body.givePayload(parts);
  assert.deepEqual(body.payloads, [whole]);
  assert.equal(body.items, 3);
  assert.equal(body.itemBytes, 5);
  body.credit(2);
  assert.equal(body.items, 3);
  assert.equal(body.itemBytes, 3);
  body.credit(3);
  assert.equal(body.items, 0);
  assert.equal(body.itemBytes, 0);
  assert.deepEqual(body.payloads, [whole]);
  assert.deepEqual(body.texts, ['whole', 'pa', 'rts']);
});

test('bytes that are not published items do not count as such', () => {
  const body = new Recorded(0);
  body.give(Buffer.from('abc'));
  body.givePayload(new Payload(Buffer.from('def'), 0));
  assert.equal(body.items, 0);
  assert.equal(body.itemBytes, 0);
  assert.equal(body.waiting, 6);
});

test('a payload that ends the body is passed as its last bytes', () => {
  const body = new Recorded(0);
  body.givePayload(new Payload(Buffer.from('last')));
  body.end();
  body.credit(4);
  assert.deepEqual(body.texts, ['last']);
  assert.equal(body.ended, true);
});

test('small chunks that wait are copied together, so that they cost about their bytes', () => {
  const body = new Recorded(0);
  const packet = Buffer.alloc(65_536, 'x');
  for (let i = 0; i < 60_000; i++) body.give(packet.subarray(i, i + 1));
  assert.equal(body.waiting, 60_000);
  body.credit(60_000);
  assert.equal(Buffer.concat(body.chunks).length, 60_000);
  assert.ok(body.chunks.length < 40, `${body.chunks.length} chunks`);
  let kept = 0;
  for (const buffer of new Set(body.chunks.map((chunk) => chunk.buffer))) kept += buffer.byteLength;
  assert.ok(kept < 130_000, `${kept} bytes for 60,000`);
});

test('small and large chunks that wait keep their order', () => {
  const body = new Recorded(0);
  let expected = '';
  for (let i = 0; i < 200; i++) {
    const text = String(i % 10).repeat((i * 397) % 2_500);
    expected += text;
    body.give(Buffer.from(text), i === 199);
    if (i % 7 === 0) body.credit(1_500);
  }
  body.credit(expected.length);
  assert.equal(body.texts.join(''), expected);
  assert.equal(body.ended, true);
});

test('a receiver that throws does not leave the body stuck', () => {
  const body = new Recorded(10);
  body.onPass = () => {
    throw new Error('receiver');
  };
  assert.throws(() => body.give(Buffer.from('a')), /receiver/);
  body.onPass = () => {};
  body.give(Buffer.from('b'));
  assert.deepEqual(body.texts, ['a', 'b']);
});

test('a request body waits for its responder, whose earlier credits count', () => {
  const body = new CreditedRequest();
  const got: string[] = [];
  body.give(Buffer.from('hello'), true);
  body.credit(2);
  assert.equal(body.waiting, 5);
  body.attach({ ...NO_RESPONDER, onRequestData: (chunk, more) => got.push(`${chunk} ${more}`) });
  assert.deepEqual(got, ['he true']);
  body.credit(10);
  assert.deepEqual(got, ['he true', 'llo false']);
});
