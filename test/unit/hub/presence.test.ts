import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeHeaderText, encodeHeaderText, type Instruct } from '../../../src/codec/grip/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import {
  type ChannelRule,
  ChannelRules,
  type HookRule,
  type PresenceEvent,
  type Publication,
} from '../../../src/hub/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { rule } from './history-rig.ts';
import { type HubRig, ManualLink, responseInstruct, rig, streamInstruct, streamItem, turn } from './support.ts';

const GRACE = 5_000;

/** A hub whose channels have tables, and what is told of them, as `join room ann`. */
function present(t: TestContext, rules: readonly ChannelRule[] = [PRESENCE], hooks: readonly HookRule[] = []) {
  const hub = rig(t);
  const told: string[] = [];
  hub.hub.history.rules = new ChannelRules(rules, hooks);
  const source = {
    counts: hub.hub.counts,
    tell: (events: readonly PresenceEvent[]) => {
      for (const { kind, channel, user } of events)
        told.push([kind, channel, ...(user === null ? [] : [user])].join(' '));
      hub.hub.tell(events);
    },
    requestTurn: (publication: Publication) => hub.hub.requestTurn(publication),
    cancelTurn: (publication: Publication) => hub.hub.cancelTurn(publication),
  };
  hub.presence.lead(source);
  return { hub, told, source };
}

const PRESENCE: ChannelRule = { ...rule('>', { presence: true }), keep: null };

function of(user: string, instruct: Instruct): Instruct {
  return { ...instruct, hold: instruct.hold && { ...instruct.hold, meta: { user } } };
}

function join(hub: HubRig, user: string, ...channels: string[]): HeldClient {
  return hub.hold(hub.client(), of(user, streamInstruct(channels)));
}

function part(client: HeldClient): void {
  client.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
}

test('users join with their first connection and leave some time after the last one', async (t) => {
  const { hub, told } = present(t);
  const first = join(hub, 'ann', 'room');
  const second = join(hub, 'ann', 'room');
  await turn();
  assert.deepEqual(told, ['occupied room', 'join room ann']);
  assert.deepEqual(
    hub.presence.usersOf('room', '', 10).users.map(({ user, connections }) => [user, connections]),
    [['ann', 2]],
  );
  part(first);
  hub.advance(2 * GRACE);
  await turn();
  assert.equal(told.length, 2, 'one connection is left');
  part(second);
  hub.advance(GRACE - 200);
  await turn();
  assert.equal(told.length, 2, 'the user may come back');
  hub.advance(400);
  await turn();
  assert.deepEqual(told.slice(2), ['leave room ann', 'vacated room']);
  assert.deepEqual(hub.presence.usersOf('room', '', 10), { users: [], total: 0, next: null });
  assert.deepEqual([hub.presence.users, hub.presence.channels], [0, 0]);
  hub.assertEmpty();
});

test('a user that polls stays, however often', async (t) => {
  const { hub, told } = present(t);
  for (let i = 0; i < 20; i++) {
    hub.hold(hub.client(), of('ann', responseInstruct(['room'], { timeout: 5 })));
    await turn();
    // The hold times out, and the client is back a second later.
    hub.advance(6_200);
    await turn();
  }
  assert.deepEqual(told, ['occupied room', 'join room ann']);
});

test('a client of no user occupies a channel and joins nothing', async (t) => {
  const { hub, told } = present(t);
  const client = hub.hold(hub.client(), streamInstruct(['room']));
  await turn();
  part(client);
  hub.advance(GRACE + 200);
  await turn();
  assert.deepEqual(told, ['occupied room', 'vacated room']);
});

test('nothing is counted on channels whose rules do not ask for it, and of patterns', async (t) => {
  const { hub, told } = present(t, [{ ...PRESENCE, match: 'rooms.*' }]);
  join(hub, 'ann', 'other', 'rooms.1.2', '$presence.rooms.1', '\0rooms.*');
  await turn();
  assert.deepEqual(told, []);
  assert.deepEqual([...hub.hub.counts.entries()], []);
});

test('join and leave are items on the presence channel', async (t) => {
  const { hub } = present(t);
  const watcher = hub.hold(
    hub.client(),
    streamInstruct(['$presence.room'], { headers: ['Content-Type', 'text/event-stream'] }),
  );
  join(hub, 'ann "x"', 'room');
  await turn();
  await turn();
  const [name, data] = watcher.body.trim().split('\n') as [string, string];
  assert.equal(name, 'event: join');
  const { time, ...rest } = JSON.parse(data.slice('data: '.length));
  assert.deepEqual(rest, { event: 'join', channel: 'room', user: 'ann "x"' });
  assert.ok(!Number.isNaN(Date.parse(time)));
});

test('webhooks that ask for it are told of channels without a table too, and each is told what it asks for', async (t) => {
  const keep = { items: 10, age: 60, bytes: Infinity };
  const hooks: HookRule[] = [
    { queue: '$webhook.a', match: 'rooms.*', events: new Set(['occupied', 'vacated']), keep },
    { queue: '$webhook.b', match: '>', events: new Set(['join']), keep },
  ];
  const { hub, told } = present(t, [{ ...PRESENCE, match: 'chat' }], hooks);
  const queued: string[] = [];
  for (const queue of ['$webhook.a', '$webhook.b']) {
    hub.hub.tap(queue, ({ wsMessage }) => {
      const { event, channel, user } = JSON.parse(String(wsMessage?.content));
      queued.push([queue, event, channel, user].join(' ').trim());
    });
  }
  const client = join(hub, 'ann', 'rooms.1', 'chat', 'other');
  await turn();
  assert.deepEqual(told, ['occupied rooms.1', 'occupied chat', 'join chat ann']);
  assert.deepEqual(queued, ['$webhook.a occupied rooms.1', '$webhook.b join chat ann']);
  part(client);
  hub.advance(GRACE + 200);
  await turn();
  assert.deepEqual(queued.slice(2), ['$webhook.a vacated rooms.1']);
});

test('rules that change count the members of the channels that they concern', async (t) => {
  const { hub, told } = present(t, []);
  const ann = join(hub, 'ann', 'a', 'b');
  hub.hub.history.rules = new ChannelRules([{ ...PRESENCE, match: 'a' }]);
  await turn();
  assert.deepEqual(told, ['occupied a', 'join a ann']);
  hub.hub.history.rules = new ChannelRules([PRESENCE]);
  await turn();
  assert.deepEqual(told.slice(2), ['occupied b', 'join b ann']);
  part(ann);
  assert.deepEqual([...hub.hub.counts.entries()], []);
  join(hub, 'bob', 'a');
  await turn();
  hub.hub.history.rules = new ChannelRules([]);
  assert.deepEqual([...hub.hub.counts.entries()], []);
  hub.advance(GRACE + 200);
  await turn();
  assert.ok(told.includes('leave a ann') && told.includes('leave a bob') && told.includes('vacated b'));
});

test('the response to a next link says anew whose client it is', async (t) => {
  const { hub, told } = present(t);
  const link = new ManualLink();
  hub.hold(hub.client(), of('ann', streamInstruct(['a', 'b'])), { link, user: 'claimed' });
  await turn();
  const follow = async (user: string | null, ...channels: string[]): Promise<void> => {
    hub.hub.recover();
    const { hold } = user === null ? streamInstruct(channels) : of(user, streamInstruct(channels));
    link.last.onLinkDone({ hold, next: link });
    hub.advance(GRACE + 200);
    await turn();
  };
  await follow('ann', 'a', 'b');
  assert.equal(told.splice(0).length, 4);
  await follow('bob', 'b', 'c');
  assert.ok(!told.includes('join a bob'), 'bob was never on the channel that is left');
  assert.deepEqual(told.splice(0).toSorted(), [
    'join b bob',
    'join c bob',
    'leave a ann',
    'leave b ann',
    'occupied c',
    'vacated a',
  ]);
  await follow(null, 'c');
  assert.deepEqual(told.toSorted(), ['join c claimed', 'leave b bob', 'leave c bob', 'vacated b']);
});

test('users are listed in pages', (t) => {
  const { hub } = present(t);
  for (const user of ['d', 'b', 'e', 'a', 'c']) join(hub, user, 'room');
  const pages: string[][] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = hub.presence.usersOf('room', after, 2);
    assert.equal(page.total, 5);
    pages.push(page.users.map(({ user }) => user));
    after = page.next;
  }
  assert.deepEqual(pages, [['a', 'b'], ['c', 'd'], ['e']]);
});

test('what another process knew is told again neither as joined nor, within the grace time, as left', async (t) => {
  const { hub, told, source } = present(t);
  join(hub, 'ann', 'room');
  await turn();
  const known = hub.presence.release();
  assert.deepEqual(
    known.map(({ channel, user }) => [channel, user]),
    [
      ['room', 'ann'],
      ['room', ''],
    ],
  );
  join(hub, 'eve', 'room');
  await turn();
  assert.deepEqual(told.splice(0), ['occupied room', 'join room ann']);
  hub.presence.lead(source, [...known, { channel: 'room', user: 'bob', since: 1 }]);
  await turn();
  assert.deepEqual(told.splice(0), ['join room eve']);
  hub.advance(GRACE + 200);
  await turn();
  assert.deepEqual(told.splice(0), ['leave room bob']);
  hub.presence.leaveAll();
  assert.deepEqual(told, ['leave room ann', 'leave room eve', 'vacated room']);
});

test('a name that is too long makes nobody a user', (t) => {
  const { hub } = present(t);
  join(hub, 'x'.repeat(257), 'room');
  join(hub, 'ü'.repeat(129), 'room');
  join(hub, 'x'.repeat(256), 'room');
  assert.equal(hub.presence.usersOf('room', '', 10).total, 1);
  assert.equal(hub.counters.usersRefused, 2);
  assert.deepEqual(
    hub.log.of('name of a user refused: the client has no user').map(({ reason }) => reason),
    ['too long', 'too long'],
  );
});

test('a name that is not UTF-8 makes nobody a user, so that no two are taken for one', (t) => {
  const { hub } = present(t);
  join(hub, decodeHeaderText('Ren\u00e9'), 'room');
  join(hub, decodeHeaderText('Ren\u00e8'), 'room');
  join(hub, 'half \ud800', 'room');
  assert.deepEqual(hub.presence.usersOf('room', '', 10).users, []);
  assert.equal(hub.counters.usersRefused, 3);
  const refused = hub.log.with('name of a user refused: the client has no user');
  assert.deepEqual(
    refused.map(({ level, fields }) => [level, fields.reason]),
    Array(3).fill(['info', 'not UTF-8']),
  );
  join(hub, decodeHeaderText(encodeHeaderText('René')), 'room');
  assert.deepEqual(
    hub.presence.usersOf('room', '', 10).users.map(({ user }) => user),
    ['René'],
  );
});

test('users beyond the bound of a channel are left out, counted and logged', async (t) => {
  const { hub, told, source } = present(t);
  await turn();
  told.length = 0;
  // Each costs 256 bytes and twice its name.
  const fit = Math.floor((33_554_432 - 256 - 8) / (256 + 2 * 250));
  const name = (i: number): string => String(i).padStart(250, 'x');
  for (let i = 0; i < fit + 10; i++) source.counts.set('room', name(i), 1);
  assert.equal(hub.presence.users, fit);
  assert.equal(hub.counters.presenceDropped, 10);
  assert.ok(hub.log.at('warn').some(({ message }) => message.includes('one is left out')));
  for (let i = 0; i < fit + 10; i++) source.counts.set('room', name(i), 0);
  for (let i = 0; i < 20; i++) hub.advance(1_000);
  await turn();
  assert.deepEqual([hub.presence.users, hub.presence.channels], [0, 0]);
});

test('the users of all channels together are bounded too', (t) => {
  const { hub, source } = present(t);
  const name = (i: number): string => String(i).padStart(250, 'x');
  for (let channel = 0; channel < 6; channel++) {
    for (let i = 0; i < 40_000; i++) source.counts.set(`room${channel}`, name(i), 1);
  }
  assert.ok(hub.presence.users * (256 + 500) <= 134_217_728);
  assert.ok(hub.presence.users > 170_000);
  assert.ok(hub.counters.presenceDropped > 60_000);
});

test('thousands who leave at once are told of in several turns, in their order', async (t) => {
  const { hub, told, source } = present(t);
  const users = Array.from({ length: 1_000 }, (_, i) => `u${String(i).padStart(3, '0')}`);
  for (const user of users) source.counts.set('room', user, 1);
  const sizes: number[] = [];
  while (told.length < 1_001) {
    const before = told.length;
    await turn();
    sizes.push(told.length - before);
  }
  assert.ok(Math.max(...sizes) <= 256, `at most ${Math.max(...sizes)} in a turn`);
  assert.deepEqual(told, ['occupied room', ...users.map((user) => `join room ${user}`)]);
  for (const user of users) source.counts.set('room', user, 0);
  hub.advance(GRACE + 200);
  const known = hub.presence.release();
  assert.deepEqual(known, []);
  assert.deepEqual(told.slice(1_001), [...users.map((user) => `leave room ${user}`), 'vacated room']);
});

test('what waits because the hub does not keep up is bounded: who leaves before it was told has never been there', async (t) => {
  const { hub, told, source } = present(t);
  source.counts.set('room', 'ann', 1);
  await turn();
  // Publishers wait, and so do events.
  const waiting: Publication[] = [];
  source.requestTurn = (publication) => waiting.push(publication);
  for (let i = 0; i < 100; i++) {
    for (const user of ['ann', 'bob']) source.counts.set('room', user, i % 2);
    hub.advance(GRACE + 200);
    await turn();
  }
  assert.ok(waiting[0]);
  assert.equal(waiting[0].bytes, 5 * 512, 'one or two events for the channel and for each user');
  waiting[0].onTurn();
  assert.deepEqual(told.slice(2), [
    'leave room ann',
    'vacated room',
    'occupied room',
    'join room ann',
    'join room bob',
  ]);
});

test('a client that flaps is not told of, and an item costs nothing more', async (t) => {
  const { hub, told } = present(t);
  for (let i = 0; i < 5_000; i++) part(join(hub, 'ann', 'room'));
  hub.hub.publish([streamItem('room', 'x')]);
  await turn();
  assert.deepEqual(told, ['occupied room', 'join room ann']);
  hub.advance(GRACE + 200);
  await turn();
  assert.deepEqual(told.slice(2), ['leave room ann', 'vacated room']);
});
