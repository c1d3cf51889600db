import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RawConnection } from '../../../src/server/raw-connection.ts';
import { manualClock } from '../../support/manual-clock.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { RecordingOwner } from '../../support/raw-owner.ts';
import { type RunningServer, type ServerChanges, startServer, startUnixServer } from '../../support/running-server.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface Rig {
  readonly running: RunningServer;
  readonly client: RawClient;
  readonly owner: RecordingOwner;
  /** Another raw client goes on, and just one fault was counted and logged. */
  assertOthersGoOn(): Promise<void>;
}

/** Two raw clients whose input was taken too, or which still speak HTTP. */
async function two(t: TestContext, input: boolean, changes: ServerChanges = {}, unix = false): Promise<Rig> {
  const running = await (unix ? startUnixServer : startServer)(t, changes);
  const open = async () => {
    const client = await running.connect();
    client.write(GET);
    const owner = RecordingOwner.of(await running.next());
    if (input) owner.client.takeInput(owner);
    return { client, owner };
  };
  const other = await open();
  const one = await open();
  const assertOthersGoOn = async () => {
    other.owner.write('other');
    assert.equal(await other.client.takeBytes(5), 'other');
    assert.equal(running.counters.faults + other.owner.faults.length + one.owner.faults.length, 1);
  };
  return { running, ...one, assertOthersGoOn };
}

function thrower(): never {
  throw new Error('thrown');
}

test('a reader that throws costs its connection, and no other', async (t) => {
  const it = await two(t, true);
  it.owner.onInput = thrower;
  it.client.write('x');
  await it.owner.until(() => it.owner.closed === 1);
  await it.assertOthersGoOn();
});

test('so does one that throws at what came with its request', async (t) => {
  const it = await two(t, true);
  const client = await it.running.connect();
  client.write(`${GET}more`);
  const owner = RecordingOwner.of(await it.running.next());
  owner.onInput = thrower;
  owner.client.takeInput(owner);
  await owner.until(() => owner.closed === 1);
  await it.assertOthersGoOn();
});

for (const input of [false, true]) {
  test(`an owner that throws when its client takes more costs its connection: ${input ? 'taken input' : 'HTTP'}`, async (t) => {
    const it = await two(t, input, {}, true);
    it.client.socket.pause();
    it.owner.write(Buffer.alloc(1_000_000));
    await settled(() => it.owner.client.waiting);
    it.owner.onDrained = thrower;
    it.client.socket.resume();
    await it.client.ended;
    it.client.end();
    await it.owner.until(() => it.owner.closed === 1);
    await it.assertOthersGoOn();
  });

  test(`an owner that throws when its client has gone is told: ${input ? 'taken input' : 'HTTP'}`, async (t) => {
    const it = await two(t, input);
    it.owner.onClosed = thrower;
    it.client.reset();
    await it.owner.until(() => it.owner.faults.length === 1);
    await it.assertOthersGoOn();
  });
}

for (const [what, method, act] of [
  ['input', 'onInput', (client: RawClient) => client.write('x')],
  ['a FIN', 'onInputEnd', (client: RawClient) => client.end()],
] as const) {
  test(`a connection for which ${what} throws is cut, and no other`, async (t) => {
    const it = await two(t, true);
    let armed = true;
    const original = RawConnection.prototype[method] as (...args: unknown[]) => void;
    t.mock.method(
      RawConnection.prototype as unknown as Record<string, () => void>,
      method,
      function (this: unknown, ...args: unknown[]) {
        if (!armed) return original.apply(this, args);
        armed = false;
        throw new Error('thrown');
      },
    );
    act(it.client);
    await it.owner.until(() => it.owner.closed === 1);
    await it.assertOthersGoOn();
  });
}

test('a turn and a deadline that throw cost their connection', async (t) => {
  for (const method of ['onTurn', 'watch'] as const) {
    const clock = manualClock(t);
    const it = await two(t, true, { pipelineBytes: 100 });
    it.owner.client.pauseInput(true);
    it.client.write('x'.repeat(1_000));
    await settled(() => it.owner.client.bytesRead);
    t.mock.method(RawConnection.prototype as unknown as Record<string, () => void>, method, thrower, { times: 1 });
    // The probe of a paused client looks again.
    if (method === 'onTurn') it.owner.client.pauseInput(false);
    else clock(6);
    await it.owner.until(() => it.owner.closed === 1);
    await it.assertOthersGoOn();
    t.mock.restoreAll();
  }
});

test('a service for what is not HTTP that throws costs the connection', async (t) => {
  const running = await startServer(t, { rawService: thrower });
  const client = await running.connect();
  client.write('@x {}\0');
  await client.ended;
  assert.equal(running.counters.faults, 1);
  const http = await running.connect();
  http.write(GET);
  (await running.next()).respond('fine');
  assert.equal((await http.takeResponse()).body, 'fine');
});
