import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExchangeError, Log } from '../../../src/exchange/index.ts';
import { Channels } from '../../../src/hub/channels.ts';
import type { FormerHold } from '../../../src/hub/index.ts';
import { HeldClient } from '../../support/exchange/held-client.ts';
import { both, come, keeping, poll, rule } from './history-rig.ts';
import {
  keepAlive,
  replayBy,
  responseHint,
  responseInstruct,
  responseItem,
  rig,
  SilentOrigin,
  streamAction,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

/** A client whose connection has a defect. */
class FaultyClient extends HeldClient {
  failedWith: ExchangeError | null = null;

  constructor() {
    super('faulty', 65_536);
  }

  override onResponse(): void {
    throw new Error('thrown by the test');
  }

  override onResponseData(): void {
    throw new Error('thrown by the test');
  }

  override onResponsePayload(): void {
    throw new Error('thrown by the test');
  }

  override onResponseError(error: ExchangeError): void {
    assert.equal(this.failedWith, null, 'one error');
    this.failedWith = error;
  }
}

/** A faulty client between two others. All are held in the same way. */
function three(t: Parameters<typeof rig>[0], mode: 'stream' | 'response') {
  const made = rig(t);
  const clients = [made.client(), new FaultyClient(), made.client()] as const;
  const options = { timeout: 5, body: 'nothing new', keepAlive: keepAlive('.', 5) };
  for (const client of clients) {
    if (mode === 'response') {
      made.hold(client, responseInstruct(['a'], options), { replay: null });
      continue;
    }
    if (!(client instanceof FaultyClient)) {
      client.onResponse({ status: 200, reason: '', headers: [], bodyLength: -1 });
    }
    made.hold(client, streamInstruct(['a'], options), { responseStarted: true });
  }
  const assertOneFault = (bodies: string): void => {
    assert.deepEqual([clients[0].body, clients[2].body], [bodies, bodies]);
    assert.equal(clients[1].failedWith?.code, 'HF_INTERNAL');
    assert.match(clients[1].failedWith?.detail ?? '', /thrown by the test/);
    assert.equal(made.counters.faults, 1);
    assert.match(String(made.log.at('error')[0]?.fields.detail), /thrown by the test/);
  };
  return { made, clients, assertOneFault };
}

test('a client that throws while it is being held leaves nothing in the hub', (t) => {
  const made = rig(t);
  const client = new FaultyClient();
  made.hold(client, streamInstruct(['a', 'b']));
  assert.equal(client.failedWith?.code, 'HF_INTERNAL');
  assert.equal(made.counters.faults, 1);
  made.assertEmpty();
});

for (const mode of ['stream', 'response'] as const) {
  test(`a ${mode} hold that has joined some of its channels when something throws leaves them`, async (t) => {
    const made = rig(t);
    const client = new FaultyClient();
    const instruct = mode === 'stream' ? streamInstruct(['a', 'b']) : responseInstruct(['a', 'b']);
    const { join } = Channels.prototype;
    t.mock.method(Channels.prototype, 'join', function (this: Channels, ...args: Parameters<Channels['join']>) {
      if (args[1] === 'b') throw new Error('thrown by the test');
      return join.apply(this, args);
    });
    made.hold(client, instruct);
    assert.equal(client.failedWith?.code, 'HF_INTERNAL');
    made.assertEmpty();
    await made.publish(streamItem('a', 'x'), responseItem('a', 'x'));
    assert.equal(made.counters.faults, 1);
  });
}

test('a replay whose new hold throws ends the client, and frees its place at the target', async (t) => {
  const made = rig(t);
  const client = new FaultyClient();
  const formers: FormerHold[] = [];
  const replay = replayBy((former) => formers.push(former));
  made.hold(client, responseInstruct(['a']), { replay });
  await made.publish(responseHint('a'));
  made.hold(client, streamInstruct(['a']), { former: formers[0] as FormerHold });
  assert.equal(client.failedWith?.code, 'HF_INTERNAL');
  made.assertEmpty();
});

test('a stream that throws in a fan-out does not affect others', async (t) => {
  const { made, assertOneFault } = three(t, 'stream');
  await made.publish(streamItem('a', 'one'));
  assertOneFault('one');
  await made.publish(streamItem('a', 'two'));
  assertOneFault('onetwo');
  assert.equal(made.hub.stats.holds, 2);
});

test('a held request that throws when it gets its response does not affect others', async (t) => {
  const { made, assertOneFault } = three(t, 'response');
  await made.publish(responseItem('a', 'one'));
  assertOneFault('one');
  made.assertEmpty();
});

test('a stream that throws at a close does not affect others', async (t) => {
  const { made, clients, assertOneFault } = three(t, 'stream');
  await made.publish(streamAction('a', 'close'));
  assert.deepEqual([clients[0].complete, clients[2].complete], [true, true]);
  assert.equal(made.counters.faults, 1);
  made.assertEmpty();
  assert.ok(assertOneFault);
});

test('a keep-alive that throws ends its own stream only', (t) => {
  const { made, assertOneFault } = three(t, 'stream');
  made.advance(5_300);
  assertOneFault('.');
});

test('a timeout that throws ends its own hold only', (t) => {
  const { made, assertOneFault } = three(t, 'response');
  made.advance(5_300);
  assertOneFault('nothing new');
  made.assertEmpty();
});

test('a hold that throws during a drain does not affect others', async (t) => {
  const { made, assertOneFault } = three(t, 'response');
  made.hub.drain();
  assertOneFault('nothing new');
  made.assertEmpty();
  await turn();
});

test('a replay that throws ends its own hold only, and frees its place at the target', async (t) => {
  const made = rig(t);
  const faulty = new FaultyClient();
  const throwing = replayBy(() => {
    throw new Error('thrown by the test');
  });
  made.hold(faulty, responseInstruct(['a']), { replay: throwing });
  let replays = 0;
  const other = made.hold(made.client(), responseInstruct(['a']), { replay: replayBy(() => replays++) });
  await made.publish(responseHint('a'));
  assert.equal(faulty.failedWith?.code, 'HF_INTERNAL');
  assert.equal(replays, 1);
  assert.equal(other.head, null);
  assert.equal(made.counters.faults, 1);
  assert.equal(made.hub.stats.holds, 1);
});

test('a patch that throws ends one hold, and the delivery continues', async (t) => {
  const made = rig(t, {
    patchBody: (document) => {
      if (document === 'faulty') throw new Error('thrown by the test');
      return document;
    },
  });
  const faulty = made.hold(new FaultyClient(), responseInstruct(['a'], { body: 'faulty' }));
  const other = made.hold(made.client(), responseInstruct(['a'], { body: 'other' }));
  await made.publish(responseItem('a', '', { bodyPatch: [] }));
  assert.equal((faulty as FaultyClient).failedWith?.code, 'HF_INTERNAL');
  assert.equal(other.body, 'other');
});

test('an item that throws during a replay ends the hold and the replay, and frees its place', async (t) => {
  const made = rig(t, {
    patchBody: () => {
      throw new Error('thrown by the test');
    },
  });
  const faulty = new FaultyClient();
  const origin = new SilentOrigin();
  made.hold(faulty, responseInstruct(['a']), { replay: origin.replay });
  await made.publish(responseHint('a'), responseItem('a', '', { bodyPatch: [] }));
  assert.equal(faulty.failedWith?.code, 'HF_INTERNAL');
  assert.equal(origin.replays[0]?.aborted, true);
  made.assertEmpty();
});

/** Has the delivery throw at the first item that it tells the log of. */
function throwOnce(log: Log): void {
  let throws = 1;
  const { debug } = log;
  Object.assign(log, {
    debug: (fields: Record<string, unknown>, message: string) => {
      if (message === 'published' && throws-- > 0) throw new Error('thrown by the test');
      debug(fields, message);
    },
  });
}

test('a defect in the delivery loses only one item', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  throwOnce(made.log);
  made.hub.publish([streamItem('a', '1'), streamItem('b', 'x'), streamItem('a', '2')]);
  await turn();
  await turn();
  assert.equal(client.body, '2');
  assert.equal(made.counters.faults, 1);
});

test('a defect in the delivery to several groups loses only one item, and no group stays in its walk', async (t) => {
  const made = rig(t, { limits: { subscriptionLinger: 0 } });
  const { hold, ...rest } = streamInstruct(['a.b']);
  const pattern = { name: 'a.*', prevId: null, filters: [], pattern: true };
  const channels = [...(hold?.channels ?? []), pattern];
  const instruct = { ...rest, hold: { ...(hold as NonNullable<typeof hold>), channels } };
  const [client, leaving] = [made.hold(made.client(), instruct), made.hold(made.client(), instruct)];
  throwOnce(made.log);
  made.hub.publish([streamItem('a.b', '1'), streamItem('b', 'x')]);
  await turn();
  await turn();
  assert.equal(made.counters.faults, 1);
  const groups = [...made.hub.groups()];
  leaving.responder?.onRequestError(new Error('left') as never);
  assert.deepEqual(
    groups.map(({ members }) => members.length),
    [1, 1],
  );
  await made.publish(streamItem('a.b', '2'));
  assert.equal(client.body, '2');
});

test('a defect of the delivery in the middle of a drain does not stop the drain', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), streamInstruct(['a']));
  throwOnce(made.log);
  made.hub.publish([streamItem('a', '1'), streamItem('a', '2')]);
  made.hub.drain();
  await turn();
  await turn();
  await client.ended();
  assert.equal(made.counters.faults, 1);
  made.assertEmpty();
});

test('items whose stage throws are delivered in order, and so are those behind them', async (t) => {
  let calls = 0;
  const proceeds: (() => void)[] = [];
  const made = rig(t, {
    stages: {
      publish(_items, proceed) {
        if (++calls === 2) throw new Error('thrown by the test');
        proceeds.push(proceed);
      },
      join: (_channels, proceed) => proceed(),
    },
  });
  const client = made.hold(made.client(), streamInstruct(['a']));
  for (const content of ['1', '2', '3']) await made.publish(streamItem('a', content));
  assert.equal(client.body, '', 'the first items are still with the stage');
  for (const proceed of proceeds) proceed();
  await turn();
  assert.equal(client.body, '123');
  assert.equal(made.counters.faults, 1);
});

test('a stage that goes on and then throws delivers its items once', async (t) => {
  const made = rig(t, {
    stages: {
      publish(_items, proceed) {
        proceed();
        throw new Error('thrown by the test');
      },
      join: (_channels, proceed) => proceed(),
    },
  });
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(streamItem('a', '1'));
  await made.publish(streamItem('a', '2'));
  assert.equal(client.body, '12');
  assert.equal(made.counters.faults, 2);
});

for (const mode of ['stream', 'response'] as const) {
  test(`a ${mode} hold that throws when the history answers later ends, and does not affect others`, async (t) => {
    const { hub, store } = keeping(t, [rule('a')]);
    await hub.publish(both('a', 'missed'));
    const { history } = hub.hub;
    const { source } = history;
    assert.ok(source);
    const answers: (() => void)[] = [];
    history.source = {
      epoch: store.epoch,
      ask: (question, done) => source.ask(question, (answer) => answers.push(() => done(answer))),
    };
    const held = (): HeldClient => (mode === 'stream' ? come : poll)(hub, ['a'], `${store.epoch}-0`);
    const [one, faulty, other] = [held(), held(), held()];
    let failedWith: ExchangeError | null = null;
    const thrown = (): void => {
      throw new Error('thrown by the test');
    };
    t.mock.method(faulty, mode === 'stream' ? 'onResponsePayload' : 'onResponse', thrown);
    t.mock.method(faulty, 'onResponseError', (error: ExchangeError) => {
      failedWith = error;
    });
    for (const answer of answers.splice(0)) answer();
    for (const client of [one, other]) assert.match(client.body, /missed/);
    assert.equal((failedWith as ExchangeError | null)?.code, 'HF_INTERNAL');
    assert.equal(hub.counters.faults, 1);
  });
}
