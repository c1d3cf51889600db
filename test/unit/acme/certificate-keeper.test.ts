import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  AcmeCounters,
  AcmeStore,
  type Authority,
  CertificateKeeper,
  type Prover,
  RetryLater,
} from '../../../src/acme/index.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { selfSigned } from '../../support/certificates.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DAY = 86_400_000;

/** A keeper with an authority that does as it is told. */
function rig(t: TestContext, order: Authority['order'], kinds: Prover['kinds'] = ['http-01', 'tls-alpn-01']) {
  const tick = manualClock(t);
  const clock = { now: Date.now() };
  const folder = temporaryFolder(t);
  const store = new AcmeStore(folder);
  store.prepare();
  const [log, counters, wheel] = [new FakeLog(), new AcmeCounters(), new TimerWheel()];
  const ordered: { name: string; kinds: Prover['kinds'] }[] = [];
  const authority: Authority = {
    order(name, prover, signal) {
      ordered.push({ name, kinds: prover.kinds });
      return order(name, prover, signal);
    },
  };
  const keeper = new CertificateKeeper({ wheel, log, counters, store, authority, kinds, now: () => clock.now });
  t.after(async () => {
    await keeper.stop();
    wheel.stop();
  });
  const pass = async (ms: number): Promise<void> => {
    clock.now += ms;
    tick(61);
    // An order writes files, which takes as many turns as it takes.
    do await turn();
    while (counters.certificatesIssued + counters.certificatesFailed < ordered.length);
  };
  return { keeper, store, folder, log, counters, ordered, pass };
}

/** A certificate for a name that is valid for so many days. */
const issue = (name: string, days: number, from = 0) => {
  const { certificate, key } = selfSigned({ names: [name], from, until: from + days });
  return { chain: certificate, key };
};

test('certificates are ordered one after the other, kept, and renewed after about two thirds of their lifetime', async (t) => {
  const { keeper, store, counters, ordered, pass } = rig(t, async (name) =>
    issue(name, 90, ordered.length > 2 ? 61 : 0),
  );
  keeper.use(['a.example.com', 'b.example.com']);
  await pass(0);
  assert.deepEqual(
    ordered.map(({ name }) => name),
    ['a.example.com', 'b.example.com'],
  );
  assert.equal(counters.certificatesIssued, 2);
  assert.ok(store.validity('a.example.com'));
  await pass(56 * DAY);
  assert.equal(ordered.length, 2);
  await pass(5 * DAY);
  assert.equal(ordered.length, 4);
});

test('an order that fails is tried again later and later, each time the other way', async (t) => {
  const { keeper, log, counters, ordered, pass } = rig(t, async () => {
    throw new Error('rateLimited');
  });
  keeper.use(['a.example.com']);
  await pass(0);
  assert.equal(log.of('certificate not issued')[0]?.reason, 'rateLimited');
  assert.equal(counters.namesFailing, 1);
  await pass(30_000);
  assert.equal(ordered.length, 1);
  await pass(40_000);
  assert.equal(ordered.length, 2);
  await pass(70_000);
  assert.equal(ordered.length, 2);
  await pass(70_000);
  assert.equal(ordered.length, 3);
  assert.deepEqual(
    ordered.map(({ kinds }) => kinds[0]),
    ['http-01', 'tls-alpn-01', 'http-01'],
  );
  assert.equal(counters.certificatesFailed, 3);
  keeper.use([]);
  assert.equal(counters.namesFailing, 0);
});

test('challenges are open while an order is under way, and then no longer', async (t) => {
  let finish = (): void => {};
  let opened = (): void => {};
  const whenOpened = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const { keeper, store, folder, pass } = rig(t, async (name, prover) => {
    await prover.openToken('token-1', 'token-1.thumb');
    await prover.openProof(name, issue(name, 1));
    opened();
    return new Promise((resolve) => {
      finish = () => resolve(issue(name, 90));
    });
  });
  keeper.use(['a.example.com']);
  await whenOpened;
  assert.equal(store.answerTo('token-1'), 'token-1.thumb');
  for (const token of ['token-2', '../accounts/x', 'token-1/', '..', '']) assert.equal(store.answerTo(token), null);
  assert.equal(store.proving, true);
  assert.ok(store.proofOf('a.example.com'));
  for (const name of ['b.example.com', '../certificates/a.example.com', '']) assert.equal(store.proofOf(name), null);
  finish();
  await pass(0);
  assert.deepEqual([store.answerTo('token-1'), store.proving], [null, false]);
  assert.equal(statSync(join(folder, 'certificates', 'a.example.com.key')).mode & 0o777, 0o600);
  assert.equal(existsSync(join(folder, 'http-01')), false);
});

test('names that no route has any more are not renewed', async (t) => {
  const { keeper, ordered, pass } = rig(t, async (name) => issue(name, 90, ordered.length > 2 ? 80 : 0));
  keeper.use(['a.example.com']);
  await pass(0);
  keeper.use(['b.example.com']);
  await pass(0);
  await pass(80 * DAY);
  assert.deepEqual(
    ordered.map(({ name }) => name),
    ['a.example.com', 'b.example.com', 'b.example.com'],
  );
});

test('an authority that never answers is given up when the server stops', async (t) => {
  const { keeper, log } = rig(t, () => new Promise(() => {}));
  keeper.use(['a.example.com']);
  await keeper.stop();
  assert.deepEqual(log.of('certificate not issued'), []);
});

test('a certificate file that is damaged is ordered again', async (t) => {
  const { keeper, store, ordered, pass } = rig(t, async (name) => issue(name, 90));
  await store.save('a.example.com', { chain: 'half of a cert', key: 'x' });
  keeper.use(['a.example.com']);
  await pass(0);
  assert.equal(ordered.length, 1);
  assert.ok(store.validity('a.example.com'));
});

test('a certificate that is to be renewed at once is not ordered again and again', async (t) => {
  const { keeper, log, ordered, pass } = rig(t, async (name) => issue(name, 90, -80));
  keeper.use(['a.example.com']);
  await pass(0);
  assert.equal(ordered.length, 1);
  assert.match(String(log.of('certificate not issued')[0]?.reason), /check the clock/);
});

test('an authority is left alone for as long as it asks for', async (t) => {
  const { keeper, ordered, pass } = rig(t, async () => {
    throw new RetryLater('too many certificates', 7_200);
  });
  keeper.use(['a.example.com']);
  await pass(0);
  await pass(7_000_000);
  assert.equal(ordered.length, 1);
  await pass(1_000_000);
  assert.equal(ordered.length, 2);
});
