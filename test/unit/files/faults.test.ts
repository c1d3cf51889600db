import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FileRequester, FilesFixture, responseOf } from './support.ts';

const LARGE = Buffer.alloc(200_000, 'x');

/** A requester whose n-th call throws. */
class ThrowingRequester extends FileRequester {
  throwAt = 0;
  #calls = 0;

  protected override check(call: string): void {
    super.check(call);
    if (call !== 'onResponseError' && ++this.#calls === this.throwAt) throw new Error('thrown by the test');
  }
}

function askThrowing(service: ReturnType<FilesFixture['service']>, target: string, throwAt: number): ThrowingRequester {
  const requester = new ThrowingRequester(100_000);
  requester.throwAt = throwAt;
  requester.responder = service(requestHead({ target, credits: 100_000 }), requester);
  return requester;
}

for (const [title, target, throwAt] of [
  ['the head of a small file', '/small', 1],
  ['the body of a small file', '/small', 2],
  ['the head of a large file', '/large', 1],
  ['a piece of a large file', '/large', 2],
  ['what was not found', '/missing', 1],
  ['a redirect', '/folder', 1],
] as const) {
  test(`an exception with ${title} ends this request alone`, async (t) => {
    const fixture = new FilesFixture(t, { small: 'hello', large: LARGE, 'folder/x': '' });
    const service = fixture.service();
    const faulty = askThrowing(service, target, throwAt);
    const other = askThrowing(service, target, 0);
    assert.equal((await faulty.failed()).code, 'HF_INTERNAL');
    other.grant(1_000_000);
    await other.completed();
    assert.equal(fixture.counters.faults, 1);
    assert.equal(fixture.used, 0);
    assert.equal(await responseOf(askThrowing(service, '/small', 0)), '200 hello');
  });
}

test('a defect when a file was found ends nothing else', async (t) => {
  const fixture = new FilesFixture(t, { small: 'hello', other: 'x' });
  const service = fixture.service();
  askThrowing(service, '/small', 0);
  askThrowing(service, '/small', 0);
  const { clock } = fixture.files;
  let calls = 0;
  Object.assign(fixture.files, {
    clock: () => {
      if (++calls === 2) throw new Error('thrown by the test');
      return clock();
    },
  });
  await fixture.log.until('internal error');
  assert.equal(fixture.counters.faults, 1);
  assert.equal(await responseOf(askThrowing(service, '/other', 0)), '200 x');
});

test('a defect while a file is looked for ends the requests for it', async (t) => {
  const fixture = new FilesFixture(t, { small: 'hello', other: 'x' });
  const service = fixture.service();
  const { date } = fixture.files;
  let calls = 0;
  Object.assign(fixture.files, {
    date: () => {
      if (++calls === 1) throw new Error('thrown by the test');
      return date();
    },
  });
  const requester = askThrowing(service, '/small', 0);
  assert.equal((await requester.failed()).code, 'HF_INTERNAL');
  assert.equal(fixture.counters.faults, 1);
  assert.equal(await responseOf(askThrowing(service, '/other', 0)), '200 x');
});
