import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type TnetstringMap } from '../../../src/codec/tnetstring/index.ts';
import { ControlCounters } from '../../../src/exchange/index.ts';
import { CommandServer } from '../../../src/zmq-publish/command-server.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** The reply to one command, of a server whose hub holds every connection that it is asked for. */
function replyTo(method: string, args: object): TnetstringMap {
  const publisher = {
    requestTurn: () => {},
    publish: () => {},
    recover: () => {},
    watchChannels: () => {},
    refresh: (_id: string, done: (found: boolean) => void) => done(false),
    findHeld: (ids: ReadonlySet<string>, done: (found: readonly string[]) => void) => done([...ids]),
  };
  const server = new CommandServer(
    { publisher, turns: publisher, counters: new ControlCounters(), log: new FakeLog() },
    () => ({}),
  );
  const replies: Buffer[] = [];
  server.socket = { send: (parts) => replies.push(...parts) > 0, ignore: () => {} };
  server.take(encode({ id: 'x', method, args: args as never }));
  assert.equal(replies.length, 1);
  return decode(replies[0] as Buffer) as TnetstringMap;
}

test('conncheck takes up to 10,000 ids', () => {
  const ids = Array.from({ length: 10_001 }, (_, index) => `id-${index}`);
  assert.equal(replyTo('conncheck', { ids: ids.slice(1) }).success, true);
  const { success, condition } = replyTo('conncheck', { ids });
  assert.deepEqual([success, String(condition)], [false, 'bad-request']);
});
