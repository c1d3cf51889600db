import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../support/manual-clock.ts';
import { ask, askFor, BorrowingRequester, FilesFixture, responseOf } from './support.ts';

/** Bytes of which no two parts are the same. */
const LARGE = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `${i},`).join(''));
const MUCH = { credits: 100_000_000 };

test('a file stays open for a second after its last use', async (t) => {
  const advance = manualClock(t);
  const fixture = new FilesFixture(t, { f: LARGE });
  const service = fixture.service();
  await ask(service, '/f', MUCH).completed();
  advance(0.5);
  assert.equal(fixture.counters.filesOpen, 1);
  await ask(service, '/f', MUCH).completed();
  advance(0.7);
  assert.equal(fixture.counters.filesOpen, 1);
  const slow = ask(service, '/f', { credits: 1 });
  advance(10);
  assert.equal(fixture.counters.filesOpen, 1);
  slow.leave();
  advance(1);
  assert.equal(fixture.counters.filesOpen, 0);
});

test('a file that is open and not used makes way for another one', async (t) => {
  const fixture = new FilesFixture(t, { a: LARGE, b: LARGE, c: LARGE }, { maxOpen: 2 });
  const service = fixture.service();
  for (const path of ['/a', '/b', '/a', '/c']) await ask(service, path, MUCH).completed();
  assert.equal(fixture.counters.filesOpen, 2);
  assert.equal(fixture.counters.filesRefused, 0);
  // The one that was used last is still open.
  assert.equal(ask(service, '/a', MUCH).complete, true);
});

test('a file that was replaced is closed at once if nothing uses it', async (t) => {
  const fixture = new FilesFixture(t, { f: LARGE });
  const service = fixture.service();
  await ask(service, '/f', MUCH).completed();
  fixture.write('f', 'small');
  assert.equal(await responseOf(ask(service, '/f')), '200 small');
  assert.equal(fixture.counters.filesOpen, 0);
});

test('buffers are used again once a requester is done with them, and the bytes are right', async (t) => {
  const fixture = new FilesFixture(t, { f: LARGE });
  const service = fixture.service();
  // Two at a time, so that one buffer after the other changes hands between them.
  const requesters = Array.from({ length: 8 }, (_, i) => {
    const requester = new BorrowingRequester(10_000);
    // Some keep their bytes: these are not used again.
    requester.free = i % 3 !== 0;
    return askFor(requester, service, '/f');
  });
  while (requesters.some((requester) => !requester.complete)) {
    for (const requester of requesters) {
      await requester.until(() => requester.credits === 0 || requester.complete);
      if (!requester.complete) requester.grant(30_000);
    }
  }
  for (const requester of requesters) {
    assert.ok(Buffer.concat(requester.chunks).equals(LARGE));
    assert.ok(requester.loans > 5);
  }
});

test('what others have read from the beginning on comes at once', async (t) => {
  const fixture = new FilesFixture(t, { f: LARGE });
  const service = fixture.service();
  const part = ask(service, '/f', { headers: ['Range', 'bytes=0-99999'], ...MUCH });
  await part.completed();
  const again = ask(service, '/f', { headers: ['Range', 'bytes=1000-99999'], ...MUCH });
  assert.equal(again.complete, true);
  assert.ok(Buffer.concat(again.chunks).equals(LARGE.subarray(1_000, 100_000)));
  // What comes after it has to be read by a thread.
  const more = ask(service, '/f', { headers: ['Range', 'bytes=90000-150000'], ...MUCH });
  assert.equal(more.complete, false);
  await more.completed();
});

test('a part in the middle says nothing about what is before it', async (t) => {
  const fixture = new FilesFixture(t, { f: LARGE });
  const service = fixture.service();
  await ask(service, '/f', { headers: ['Range', 'bytes=100000-199999'], ...MUCH }).completed();
  const first = ask(service, '/f', { headers: ['Range', 'bytes=0-9'], ...MUCH });
  assert.equal(first.complete, false);
  await first.completed();
});

test('a response makes eight reads in its turn, and waits for the next one then', async (t) => {
  const large = Buffer.alloc(2_000_000, LARGE);
  const fixture = new FilesFixture(t, { f: large });
  const service = fixture.service();
  await ask(service, '/f', MUCH).completed();
  const requester = ask(service, '/f', MUCH);
  assert.equal(requester.chunks.length, 8);
  await requester.completed();
  assert.ok(Buffer.concat(requester.chunks).equals(large));
});

test('a client that leaves while it waits for its turn lets go of the file', async (t) => {
  const fixture = new FilesFixture(t, { f: Buffer.alloc(2_000_000) });
  const service = fixture.service();
  await ask(service, '/f', MUCH).completed();
  const requester = ask(service, '/f', MUCH);
  requester.leave();
  assert.equal(fixture.used, 0);
  await ask(service, '/f', MUCH).completed();
});

test('when a read takes long, threads make the next ones', async (t) => {
  const large = Buffer.alloc(2_000_000, LARGE);
  const fixture = new FilesFixture(t, { f: large });
  const service = fixture.service();
  await ask(service, '/f', MUCH).completed();
  // Each look at the clock is 6 ms after the one before.
  Object.assign(fixture.files, { clock: () => (fixture.clock += 6) });
  const requester = ask(service, '/f', MUCH);
  assert.equal(requester.chunks.length, 1);
  await requester.completed();
  assert.ok(Buffer.concat(requester.chunks).equals(large));
});
