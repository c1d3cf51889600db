import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, FilesFixture, responseOf } from './support.ts';

const LARGE = Buffer.alloc(200_000, 'x');

/** Whether the response comes from memory, that is at once. */
function isKept(fixture: FilesFixture, path: string): boolean {
  const requester = ask(fixture.service(), path);
  return requester.complete;
}

test('files up to 65,536 bytes are kept, larger ones are not', async (t) => {
  const fixture = new FilesFixture(t, { kept: LARGE.subarray(0, 65_536), large: LARGE.subarray(0, 65_537) });
  const service = fixture.service();
  for (const path of ['/kept', '/large']) await ask(service, path, { credits: 65_537 }).completed();
  assert.equal(fixture.used, 0);
  assert.equal(ask(service, '/kept').complete, true);
  const large = ask(service, '/large', { credits: 65_537 });
  assert.equal(large.complete, false);
  await large.completed();
});

test('kept files go when others need their room, those that were used last', async (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const fixture = new FilesFixture(t, {}, { maxKept: 3 * (10_000 + 1_024 + 1) });
  for (const name of names) fixture.write(name, LARGE.subarray(0, 10_000));
  const service = fixture.service();
  for (const name of ['a', 'b', 'c']) await ask(service, `/${name}`).completed();
  for (const name of ['a', 'c']) assert.equal(ask(service, `/${name}`).complete, true);
  await ask(service, '/d').completed();
  const kept = names.filter((name) => ask(service, `/${name}`).complete);
  assert.deepEqual(kept, ['a', 'c', 'd']);
});

test('empty files cost something too', async (t) => {
  const fixture = new FilesFixture(t, {}, { maxKept: 5 * 1_100 });
  const names = Array.from({ length: 10 }, (_, i) => `f${i}`);
  for (const name of names) fixture.write(name, '');
  const service = fixture.service();
  for (const name of names) await ask(service, `/${name}`).completed();
  assert.equal(names.filter((name) => ask(service, `/${name}`).complete).length, 5);
});

test('a file that is larger than all the room is served and not kept', async (t) => {
  const fixture = new FilesFixture(t, { a: 'hello' }, { maxKept: 100 });
  assert.equal(await responseOf(ask(fixture.service(), '/a')), '200 hello');
  assert.equal(isKept(fixture, '/a'), false);
});

test('while too many large files are open, others are refused', async (t) => {
  const fixture = new FilesFixture(t, { a: LARGE, b: LARGE, c: LARGE, small: 'x' }, { maxOpen: 2 });
  const service = fixture.service();
  const slow = ['/a', '/b'].map((path) => ask(service, path, { credits: 1 }));
  for (const requester of slow) await requester.until(() => requester.credits === 0);
  const refused = await ask(service, '/c').failed();
  assert.equal(refused.code, 'HF_FILES_OPEN');
  assert.equal(refused.detail, 'c: 2 other files are being sent');
  assert.equal(fixture.counters.filesRefused, 1);
  // What is open already goes to further clients, and small files need no descriptor.
  assert.equal((await ask(service, '/a', { credits: 1_000_000 }).completed()).status, 200);
  assert.equal(await responseOf(ask(service, '/small')), '200 x');
  slow[0]?.leave();
  assert.equal((await ask(service, '/c', { credits: 1_000_000 }).completed()).status, 200);
});

test('one response reads 65,536 bytes at a time at most, whatever is granted', async (t) => {
  const fixture = new FilesFixture(t, { a: LARGE });
  const requester = ask(fixture.service(), '/a', { credits: 10_000_000 });
  await requester.completed();
  assert.deepEqual(
    requester.chunks.map(({ length }) => length),
    [65_536, 65_536, 65_536, LARGE.length - 3 * 65_536],
  );
});

test('many files at once are looked for in turn', async (t) => {
  const fixture = new FilesFixture(t);
  const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
  for (const name of names) fixture.write(name, name);
  const service = fixture.service();
  const requesters = names.map((name) => ask(service, `/${name}`));
  for (const [i, requester] of requesters.entries()) assert.equal(await responseOf(requester), `200 ${names[i]}`);
});
