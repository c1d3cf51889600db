import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { decode, encode, type TnetstringMap } from '../../../src/codec/tnetstring/index.ts';
import { ControlCounters } from '../../../src/exchange/index.ts';
import type { Publication } from '../../../src/hub/index.ts';
import { CommandServer } from '../../../src/zmq-publish/command-server.ts';
import { FakeLog } from '../../support/fake-log.ts';

interface Commanded {
  /** The publication that waits for its turn. */
  turn: Publication | null;
  readonly published: PublishItem[];
  /** What else the hub was asked for. */
  readonly calls: string[];
  readonly replies: TnetstringMap[];
}

/** Sends one command to a server whose hub holds every connection that it is asked for. */
function command(method: string, args: object): Commanded {
  const state: Commanded = { turn: null, published: [], calls: [], replies: [] };
  const publisher = {
    requestTurn: (publication: Publication) => {
      state.turn = publication;
    },
    publish: (items: readonly PublishItem[]) => state.published.push(...items),
    ordered: (done: (known: boolean) => void) => done(true),
    refusal: () => null,
    learnKeys: () => true,
    settleKeys: () => {},
    reusedKey: (items: readonly PublishItem[]) => items.find(({ channel }) => channel === 'reused') ?? null,
    recover: () => state.calls.push('recover'),
    watchChannels: () => {},
    refresh: (id: string, done: (found: boolean) => void) => {
      state.calls.push(`refresh ${id}`);
      done(false);
    },
    findHeld: (ids: ReadonlySet<string>, done: (found: readonly string[]) => void) => done([...ids]),
  };
  const server = new CommandServer(
    { publisher, turns: publisher, counters: new ControlCounters(), log: new FakeLog() },
    () => ({}),
  );
  server.socket = {
    send: ([reply]) => state.replies.push(decode(reply as Buffer) as TnetstringMap) > 0,
    ignore: () => {},
  };
  server.take(encode({ id: 'x', method, args: args as never }));
  return state;
}

/** The reply to one command. */
function replyTo(method: string, args: object): TnetstringMap {
  const { turn, replies } = command(method, args);
  assert.equal(turn?.onTurn(), true);
  assert.equal(replies.length, 1);
  return replies[0] as TnetstringMap;
}

test('conncheck takes up to 10,000 ids', () => {
  const ids = Array.from({ length: 10_001 }, (_, index) => `id-${index}`);
  assert.equal(replyTo('conncheck', { ids: ids.slice(1) }).success, true);
  const { success, condition } = replyTo('conncheck', { ids });
  assert.deepEqual([success, String(condition)], [false, 'bad-request']);
});

test('while the broker is away, items are refused, and other commands are carried out', () => {
  const items = [{ channel: 'a', formats: { 'http-stream': { content: 'x' } } }];
  const outcomes = (
    [
      ['publish', { items }],
      ['refresh', { channel: 'a' }],
      ['conncheck', { ids: ['i'] }],
    ] as const
  ).map(([method, args]) => {
    const { turn, published, replies } = command(method, args);
    assert.deepEqual([turn?.onAway?.(), published.length], [true, 0]);
    return replies.map(({ success, condition }) => (success === true ? 'done' : String(condition)));
  });
  assert.deepEqual(outcomes, [['service-unavailable'], ['service-unavailable'], ['done']]);
});

test('refresh of a channel waits for its turn as publish does', () => {
  const { turn, published, replies } = command('refresh', { channel: 'a' });
  assert.deepEqual([published.length, replies.length], [0, 0]);
  assert.equal(turn?.onTurn(), true);
  assert.deepEqual(
    published.map((item) => item.channel),
    ['a'],
  );
  assert.deepEqual(
    replies.map(({ success }) => success),
    [true],
  );
});

test('every other command waits for its turn too', () => {
  for (const [method, args, call] of [
    ['recover', {}, 'recover'],
    ['refresh', { cid: 'a' }, 'refresh a'],
  ] as const) {
    const { turn, calls, replies } = command(method, args);
    assert.deepEqual([calls, replies], [[], []]);
    assert.equal(turn?.onTurn(), true);
    assert.deepEqual(calls, [call]);
    assert.equal(replies.length, 1);
  }
});

test('a refresh that names neither a connection nor a channel is a bad request', () => {
  for (const args of [{}, { cid: 1 }, { channel: [] }])
    assert.equal(String(replyTo('refresh', args).condition), 'bad-request');
});

test('a command that throws gets internal-error', () => {
  const { turn, replies } = command('recover', {});
  turn?.onFault(new Error('broken'));
  assert.deepEqual(
    replies.map(({ success, condition }) => [success, String(condition)]),
    [[false, 'internal-error']],
  );
});

test('the next command may come with the reply to the one before', () => {
  const waiting: Publication[] = [];
  const ids: string[] = [];
  const publisher = {
    requestTurn: (publication: Publication) => void waiting.push(publication),
    publish: () => {},
    ordered: (done: (known: boolean) => void) => done(true),
    refusal: () => null,
    learnKeys: () => true,
    settleKeys: () => {},
    reusedKey: () => null,
    recover: () => {},
    watchChannels: () => {},
    refresh: () => {},
    findHeld: () => {},
  };
  const log = new FakeLog();
  const server = new CommandServer({ publisher, turns: publisher, counters: new ControlCounters(), log }, () => ({}));
  server.socket = {
    send: ([reply]) => {
      ids.push(String((decode(reply as Buffer) as TnetstringMap).id));
      if (ids.length === 1) server.take(encode({ id: 'second', method: 'recover' }));
      return true;
    },
    ignore: () => {},
  };
  server.take(encode({ id: 'first', method: 'recover' }));
  for (const publication of waiting) publication.onTurn();
  assert.deepEqual(ids, ['first', 'second']);
  assert.deepEqual(log.at('error'), []);
});

test('publishing with an idempotency key that was used for other content is a conflict', () => {
  const formats = { 'http-stream': { content: 'x' } };
  const { turn, published, replies } = command('publish', { items: [{ channel: 'reused', formats }] });
  assert.equal(turn?.onTurn(), true);
  assert.equal(published.length, 0);
  const [{ condition, value } = assert.fail()] = replies;
  assert.equal(String(condition), 'conflict');
  assert.equal(String(value), 'The idempotency key of reused was used for other content.');
});
