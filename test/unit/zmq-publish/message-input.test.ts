import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublishError, type PublishItem } from '../../../src/codec/grip/index.ts';
import { encode } from '../../../src/codec/tnetstring/index.ts';
import { ControlCounters } from '../../../src/exchange/index.ts';
import type { Publication } from '../../../src/hub/index.ts';
import { MessageInput } from '../../../src/zmq-publish/message-input.ts';
import { FakeLog } from '../../support/fake-log.ts';

function message(content: string, extras: object = {}): Buffer {
  return encode({ channel: 'c', formats: { 'http-stream': { content } }, ...extras });
}

/** An input with a socket and a publisher that notes what happens. */
class Rig {
  readonly contents: string[] = [];
  readonly calls: string[] = [];
  readonly keyed: string[] = [];
  readonly waiting: Publication[] = [];
  readonly counters = new ControlCounters();
  readonly log = new FakeLog();
  readonly input: MessageInput;
  busy = false;
  failing = false;
  learning = false;

  constructor() {
    const publisher = {
      requestTurn: (publication: Publication) => {
        if (this.busy) this.waiting.push(publication);
        else publication.onTurn();
      },
      publish: (items: readonly PublishItem[]) => {
        if (this.failing) throw new Error('defect');
        for (const { httpStream } of items) this.contents.push(String(httpStream?.content));
      },
      ordered: (done: (known: boolean) => void) => done(true),
      refusal: ([item]: readonly PublishItem[]) => (item?.channel === 'refused' ? new PublishError('no') : null),
      learnKeys: (keys: ReadonlyMap<string, string>, publication: Publication) => {
        this.keyed.push(`learn ${[...keys.keys()]}`);
        if (this.learning) this.waiting.push(publication);
        return !this.learning;
      },
      settleKeys: (keys: ReadonlyMap<string, string>) => this.keyed.push(`settle ${[...keys.keys()]}`),
      reusedKey: ([item]: readonly PublishItem[]) => (item?.channel === 'reused' ? item : null),
      recover: () => {},
      watchChannels: () => {},
      refresh: () => {},
      findHeld: () => {},
    };
    this.input = new MessageInput({ publisher, turns: publisher, counters: this.counters, log: this.log }, 'pull');
    this.input.socket = { pause: () => this.calls.push('pause'), resume: () => this.calls.push('resume') };
  }
}

test('while the hub takes no more, the socket is paused; a message costs at least its share of a turn', () => {
  const rig = new Rig();
  rig.input.take(message('one'), null);
  assert.deepEqual([rig.contents, rig.calls], [['one'], []]);
  rig.busy = true;
  rig.input.take(message('two'), null);
  assert.deepEqual([rig.contents, rig.calls], [['one'], ['pause']]);
  const [publication] = rig.waiting as [Publication];
  assert.equal(publication.bytes, 512);
  assert.equal(publication.onTurn(), true);
  assert.deepEqual(
    [rig.contents, rig.calls],
    [
      ['one', 'two'],
      ['pause', 'resume'],
    ],
  );
});

test('a message that is no item is counted and logged, and the next one is taken', () => {
  const rig = new Rig();
  rig.input.take(Buffer.from('J{}'), null);
  assert.equal(rig.counters.publishesRefused, 1);
  const reason = "Invalid format: publish item object does not contain 'channel'";
  assert.deepEqual(rig.log.of('publish refused'), [{ input: 'pull', reason }]);
  rig.input.take(message('next'), null);
  assert.deepEqual(rig.contents, ['next']);
});

test('an exception costs the item it was for, and the socket goes on', () => {
  const rig = new Rig();
  rig.busy = true;
  rig.failing = true;
  rig.input.take(message('one'), null);
  const [publication] = rig.waiting as [Publication];
  assert.throws(() => publication.onTurn());
  publication.onFault(new Error('defect'));
  assert.equal(rig.counters.faults, 1);
  assert.deepEqual(rig.calls, ['pause', 'resume']);
  rig.busy = false;
  rig.failing = false;
  rig.input.take(message('two'), null);
  assert.deepEqual(rig.contents, ['two']);
});

test('an item whose idempotency key was used for other content is counted and logged', () => {
  const rig = new Rig();
  const formats = { 'http-stream': { content: 'x' } };
  rig.input.take(encode({ channel: 'reused', 'idempotency-key': 'k', formats }), null);
  assert.equal(rig.counters.publishesRefused, 1);
  const reason = 'The idempotency key of reused was used for other content.';
  assert.deepEqual(rig.log.of('publish refused'), [{ input: 'pull', reason }]);
  rig.input.take(encode({ channel: 'c', 'idempotency-key': 'k', formats }), null);
  assert.deepEqual(rig.contents, ['x']);
});

test('an item that cannot be published is counted and logged', () => {
  const rig = new Rig();
  rig.input.take(encode({ channel: 'refused', formats: { 'http-stream': { content: 'x' } } }), null);
  assert.equal(rig.counters.publishesRefused, 1);
  assert.deepEqual(rig.log.of('publish refused'), [{ input: 'pull', reason: 'no' }]);
  assert.deepEqual(rig.contents, []);
});

test('while other nodes are asked for the key of an item, the socket is paused', () => {
  const rig = new Rig();
  const keyed = (content: string) => message(content, { 'idempotency-key': 'k' });
  rig.input.take(keyed('one'), null);
  assert.deepEqual([rig.contents, rig.keyed.splice(0), rig.calls], [['one'], ['learn 1 ck', 'settle 1 ck'], []]);
  rig.learning = true;
  rig.input.take(keyed('two'), null);
  assert.deepEqual([rig.contents, rig.keyed, rig.calls], [['one'], ['learn 1 ck'], ['pause']]);
  assert.equal((rig.waiting[0] as Publication).onTurn(), true);
  assert.deepEqual([rig.contents, rig.keyed[1], rig.calls], [['one', 'two'], 'settle 1 ck', ['pause', 'resume']]);
});
