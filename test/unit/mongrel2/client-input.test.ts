import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SHARE, TurnQueue } from '../../../src/clock/index.ts';
import { encodeMaskedFrame, TEXT } from '../../../src/codec/websocket/index.ts';
import { HeldTotal } from '../../../src/exchange/index.ts';
import { MAX_MESSAGE_BYTES } from '../../../src/mongrel2/client-input.ts';
import { SocketInput } from '../../../src/mongrel2/socket-input.ts';
import { WebSocketInput } from '../../../src/mongrel2/websocket-input.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';

/** A connection whose input is read; it writes down what comes. */
class FakeOwner {
  readonly events: string[] = [];
  paused = false;
  readonly counters = { faults: 0 };
  readonly inputs: HeldTotal;
  /** Called with each message. */
  onMessage = (): void => {};

  constructor(maxBytes = 1_000_000) {
    this.inputs = new HeldTotal(
      maxBytes,
      { turn: new TurnQueue(), counters: this.counters, log: new FakeLog() },
      'too much',
    );
  }

  pauseInput(paused: boolean): void {
    this.paused = paused;
  }

  onWebSocketMessage(flags: number, payload: Buffer): void {
    this.events.push(`${flags.toString(16)} ${payload}`);
    this.onMessage();
  }

  onSocketMessage(method: string, path: string, body: Buffer): void {
    this.events.push(`${method} ${path} ${body}`);
    this.onMessage();
  }

  onSocketPing(): void {
    this.events.push('ping');
  }

  onPolicyRequest(): void {
    this.events.push('policy');
  }

  onBroken(reason: string): void {
    this.events.push(`broken: ${reason}`);
  }

  onFault(thrown: unknown): void {
    this.events.push(`fault: ${(thrown as Error).message}`);
  }
}

function frame(text: string): Buffer {
  return encodeMaskedFrame(TEXT, Buffer.from(text), 0x01020304);
}

test('messages are taken however they are split', async () => {
  const bytes = Buffer.concat([frame('one'), frame('two'), frame('x'.repeat(200))]);
  for (const size of [1, 2, 7, 1_000]) {
    const owner = new FakeOwner();
    const input = new WebSocketInput(owner);
    for (let at = 0; at < bytes.length; at += size) input.onInput(Buffer.from(bytes.subarray(at, at + size)));
    while (owner.paused) await turn();
    assert.deepEqual(owner.events, ['81 one', '81 two', `81 ${'x'.repeat(200)}`]);
    assert.equal(owner.inputs.bytes, 0);
  }
});

test('a client that sends many messages at once gets its share in each turn, and is not read meanwhile', async () => {
  const owner = new FakeOwner();
  const input = new WebSocketInput(owner);
  input.onInput(Buffer.concat(Array.from({ length: SHARE * 3 }, (_, i) => frame(String(i)))));
  assert.ok(owner.events.length <= SHARE, `${owner.events.length} messages`);
  assert.equal(owner.paused, true);
  assert.ok(owner.inputs.bytes > 0);
  while (owner.paused) await turn();
  assert.deepEqual(
    owner.events,
    Array.from({ length: SHARE * 3 }, (_, i) => `81 ${i}`),
  );
  assert.equal(owner.inputs.bytes, 0);
});

test('a client whose handler takes nothing is not read, and nothing is lost', async () => {
  const owner = new FakeOwner();
  const input = new WebSocketInput(owner);
  owner.onMessage = () => input.pause(true);
  input.onInput(Buffer.concat([frame('one'), frame('two')]));
  input.onInput(frame('three'));
  for (const count of [1, 2, 3]) {
    while (owner.events.length < count) await turn();
    assert.deepEqual([owner.events.length, owner.paused], [count, true]);
    input.pause(false);
  }
  assert.deepEqual([owner.events.at(-1), owner.paused, owner.inputs.bytes], ['81 three', false, 0]);
});

test('a broken protocol ends the input once', () => {
  const owner = new FakeOwner();
  const input = new WebSocketInput(owner);
  input.onInput(Buffer.from([0x81, 0x01, 0x78]));
  input.onInput(frame('one'));
  assert.deepEqual(owner.events, ['broken: unmasked frame from a client']);
});

test('a message is bounded in bytes, however it comes', () => {
  const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 0]);
  const owner = new FakeOwner();
  new WebSocketInput(owner).onInput(head);
  assert.deepEqual(owner.events, [`broken: message exceeds ${MAX_MESSAGE_BYTES} bytes`]);
  const other = new FakeOwner();
  const socket = new SocketInput(other);
  socket.onInput(Buffer.from('@r {'));
  for (let i = 0; i < MAX_MESSAGE_BYTES / 1_024; i++) socket.onInput(Buffer.alloc(1_024, ' '));
  assert.deepEqual(other.events, [`broken: message of more than ${MAX_MESSAGE_BYTES} bytes`]);
});

test('of clients whose messages are not complete the largest ends when they take too much together', async () => {
  const owners = [100, 6_000, 4_000].map((bytes) => {
    const owner = new FakeOwner();
    return { owner, bytes };
  });
  const inputs = new FakeOwner(10_000).inputs;
  for (const { owner, bytes } of owners) {
    Object.assign(owner, { inputs });
    new WebSocketInput(owner).onInput(encodeMaskedFrame(TEXT, Buffer.alloc(10_000), 0x01020304).subarray(0, bytes));
  }
  while (owners[1]?.owner.events.length === 0) await turn();
  assert.deepEqual(
    owners.map(({ owner }) => owner.events),
    [[], ['broken: messages that are not complete take too much memory'], []],
  );
});

test('an input that has ended holds nothing, and takes nothing', async () => {
  const owner = new FakeOwner();
  const input = new WebSocketInput(owner);
  owner.onMessage = () => input.pause(true);
  input.onInput(Buffer.concat([frame('one'), frame('two')]));
  input.end();
  input.pause(false);
  input.onInput(frame('three'));
  await turn();
  assert.deepEqual([owner.events, owner.inputs.bytes], [['81 one'], 0]);
});

test('a socket has messages of JSON and XML, pings and policy requests', async () => {
  const owner = new FakeOwner();
  const input = new SocketInput(owner);
  input.onInput(Buffer.from('@chat {"a":1}\0@chat {"type":"ping"}\0<chat a="b">x</chat>\0<policy-file-request/>\0'));
  while (owner.paused) await turn();
  assert.deepEqual(owner.events, ['JSON @chat {"a":1}', 'ping', 'XML <chat <chat a="b">x</chat>', 'policy']);
  input.onInput(Buffer.from('GET / HTTP/1.1\r\n'));
  assert.match(owner.events[4] as string, /^broken: /);
});

test('a defect reaches the owner', async (t: TestContext) => {
  const owner = new FakeOwner();
  const input = new WebSocketInput(owner);
  input.onInput(Buffer.concat(Array.from({ length: SHARE + 1 }, () => frame('x'))));
  t.mock.method(owner, 'onWebSocketMessage', () => {
    throw new Error('defect');
  });
  while (owner.events.length === SHARE) await turn();
  assert.equal(owner.events.at(-1), 'fault: defect');
});
