import assert from 'node:assert/strict';
import dns from 'node:dns';
import fs from 'node:fs';
import { isIP } from 'node:net';
import { type TestContext, test } from 'node:test';
import { DialError, SystemResolver } from '../../../src/net/index.ts';

type Found = { address: string; family: number }[];
type Done = (error: Error | null, found: Found) => void;

/** Stands in for the system: no lookup leaves the machine. Keeps the questions, and answers each when it is told to. */
class FakeSystem {
  readonly questions: { name: string; options: unknown }[] = [];
  readonly #waiting: Done[] = [];

  constructor(t: TestContext) {
    t.mock.method(dns, 'lookup', (name: string, options: unknown, done: Done) => {
      this.questions.push({ name, options });
      this.#waiting.push(done);
    });
  }

  find(...addresses: string[]): void {
    this.#waiting.shift()?.(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );
  }

  fail(code: string): void {
    this.#waiting.shift()?.(Object.assign(new Error(code), { code }), []);
  }
}

test('localhost is resolved as the system does', async () => {
  const addresses = await new SystemResolver().resolve('localhost', 4);
  assert.ok(addresses.includes('127.0.0.1'), addresses.join());
});

test("the order is the system's, and IPv4 alone is asked for alone", async (t) => {
  const system = new FakeSystem(t);
  const resolver = new SystemResolver();
  const [both, ipv4] = [resolver.resolve('a.test', 0), resolver.resolve('a.test', 4)];
  system.find('192.0.2.2', '::1', '192.0.2.1');
  system.find('192.0.2.1');
  assert.deepEqual(await both, ['192.0.2.2', '::1', '192.0.2.1']);
  assert.deepEqual(await ipv4, ['192.0.2.1']);
  assert.deepEqual(system.questions, [
    { name: 'a.test', options: { all: true, family: 0, order: 'verbatim' } },
    { name: 'a.test', options: { all: true, family: 4, order: 'verbatim' } },
  ]);
});

test('concurrent lookups are shared, and later ones are new', async (t) => {
  const system = new FakeSystem(t);
  const resolver = new SystemResolver();
  const shared = [resolver.resolve('a.test', 0), resolver.resolve('a.test', 0)];
  system.find('192.0.2.1');
  assert.deepEqual(await Promise.all(shared), [['192.0.2.1'], ['192.0.2.1']]);
  const later = resolver.resolve('a.test', 0);
  system.find('192.0.2.2');
  assert.deepEqual(await later, ['192.0.2.2']);
  assert.equal(system.questions.length, 2);
});

for (const [code, message] of [
  ['ENOTFOUND', 'unknown host name'],
  ['EAI_AGAIN', 'host name cannot be resolved at present'],
  ['EAI_FAIL', 'host name cannot be resolved at present'],
] as const) {
  test(`${code} has a text`, async (t) => {
    const system = new FakeSystem(t);
    const answer = new SystemResolver().resolve('a.test', 0);
    system.fail(code);
    await assert.rejects(answer, (error: Error) => {
      assert.ok(error instanceof DialError);
      assert.deepEqual([error.kind, error.message], ['resolve', message]);
      return true;
    });
  });
}

for (const [code, words] of [
  ['EMFILE', 'this process has too many open files'],
  ['ENFILE', 'the system has too many open files'],
] as const) {
  test(`a lookup that fails for lack of descriptors (${code}) says so, and not that the name is unknown`, async (t) => {
    const system = new FakeSystem(t);
    t.mock.method(fs, 'openSync', () => {
      throw Object.assign(new Error(code), { code });
    });
    const answer = new SystemResolver().resolve('a.test', 0);
    system.fail('ENOTFOUND');
    await assert.rejects(answer, { kind: 'descriptors', message: words });
  });
}

test('an exception of ours in a lookup does not count as an unknown name', async (t) => {
  const defect = new TypeError('thrown by the test');
  t.mock.method(dns, 'lookup', (_name: string, _options: unknown, done: (error: null, found: unknown) => void) => {
    done(null, {
      map: () => {
        throw defect;
      },
    });
  });
  await assert.rejects(new SystemResolver().resolve('a.test', 0), defect);
});

test('a name without an address counts as unknown', async (t) => {
  const system = new FakeSystem(t);
  const answer = new SystemResolver().resolve('a.test', 4);
  system.find();
  await assert.rejects(answer, { kind: 'resolve', message: 'unknown host name' });
});

test('addresses and invalid names are not given to the system', async (t) => {
  const system = new FakeSystem(t);
  const resolver = new SystemResolver();
  assert.deepEqual(await resolver.resolve('127.0.0.1', 4), ['127.0.0.1']);
  assert.deepEqual(await resolver.resolve('::1', 0), ['::1']);
  for (const name of ['', 'a\0b', 'ä.test']) await assert.rejects(resolver.resolve(name, 0), DialError);
  assert.deepEqual(system.questions, []);
});
