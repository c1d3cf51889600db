import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Counters,
  type ErrorCode,
  ExchangeError,
  NO_RESPONDER,
  type Requester,
  textResponse,
} from '../../../src/exchange/index.ts';
import { type Balance, TargetList } from '../../../src/proxy/target-list.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

/** Three targets, `a` to `c`. They keep their requests until the test lets them respond. */
class Rig {
  now = 0;
  /** Targets that refuse connections. */
  readonly down = new Set<string>();
  readonly #asked: string[] = [];
  readonly #open: { readonly name: string; readonly requester: Requester }[] = [];
  readonly #list: TargetList;

  constructor(balance: Balance) {
    const targets = ['a', 'b', 'c'].map((name) => ({
      name,
      host: name,
      channels: [],
      webSocketService: () => NO_RESPONDER,
      service: (_request: unknown, requester: Requester) => {
        this.#asked.push(name);
        if (this.down.has(name)) requester.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE'));
        else this.#open.push({ name, requester });
        return NO_RESPONDER;
      },
    }));
    this.#list = new TargetList(targets, new Counters(), balance, () => this.now);
  }

  /** Sends a request; says which targets were asked. */
  send(): string {
    this.#asked.length = 0;
    this.#list.send(
      requestHead({ headers: ['Host', 'x'] }),
      Object.assign(new FakeRequester(1), { onTarget: () => {} }),
    );
    return this.#asked.join('');
  }

  /** Lets a target begin its response to the oldest request that it has. */
  respond(name: string): void {
    this.#open.find((open) => open.name === name)?.requester.onResponse(textResponse(200, '').head);
  }

  /** Ends the oldest request at a target, with a response or an error. */
  end(name: string, code?: ErrorCode): void {
    const index = this.#open.findIndex((open) => open.name === name);
    const [ended] = this.#open.splice(index, 1);
    if (code !== undefined) {
      ended?.requester.onResponseError(new ExchangeError(code));
      return;
    }
    const { head, body } = textResponse(200, '');
    ended?.requester.onResponse(head);
    ended?.requester.onResponseData(body, false);
  }
}

test('with fail-over every request goes to the first target', () => {
  const rig = new Rig('failover');
  assert.deepEqual([rig.send(), rig.send(), rig.send()], ['a', 'a', 'a']);
});

test('with round_robin each target gets a request in turn', () => {
  const rig = new Rig('round_robin');
  assert.deepEqual([rig.send(), rig.send(), rig.send(), rig.send()], ['a', 'b', 'c', 'a']);
});

test('with least_connections the target with the fewest requests gets the next one', () => {
  const rig = new Rig('least_connections');
  const first = [rig.send(), rig.send(), rig.send()].sort();
  assert.deepEqual(first, ['a', 'b', 'c']);
  rig.end('b');
  assert.equal(rig.send(), 'b');
  rig.end('c', 'HF_ORIGIN_TIMEOUT');
  assert.equal(rig.send(), 'c');
});

test('a target that refuses is passed over, and one request at a time finds out whether it is back', () => {
  const rig = new Rig('failover');
  rig.down.add('a');
  assert.equal(rig.send(), 'ab');
  assert.equal(rig.send(), 'b');
  rig.now = 1_000;
  assert.equal(rig.send(), 'ab');
  // The back-off has doubled.
  rig.now = 2_999;
  assert.equal(rig.send(), 'b');
  rig.down.clear();
  rig.now = 3_000;
  assert.equal(rig.send(), 'a');
  assert.equal(rig.send(), 'b');
  rig.end('a');
  assert.equal(rig.send(), 'a');
});

test('a probe that ends without an outcome leaves the next request to find out', () => {
  const rig = new Rig('failover');
  rig.down.add('a');
  rig.send();
  rig.down.clear();
  rig.now = 1_000;
  assert.equal(rig.send(), 'a');
  rig.end('a', 'HF_ORIGIN_CLOSED');
  assert.equal(rig.send(), 'a');
});

test('where every target is passed over a request still tries all of them', () => {
  const rig = new Rig('round_robin');
  for (const name of ['a', 'b', 'c']) rig.down.add(name);
  assert.equal(rig.send(), 'abc');
  assert.equal(rig.send().length, 3);
  rig.down.delete('b');
  assert.match(rig.send(), /b$/);
});

test('the back-off is at most 30 seconds', () => {
  const rig = new Rig('failover');
  rig.down.add('a');
  for (let i = 0; i < 40; i++) {
    rig.send();
    rig.now += 30_000;
  }
  rig.down.clear();
  assert.equal(rig.send(), 'a');
});

test('requests that are under way when a target goes down show one failure', () => {
  const rig = new Rig('failover');
  for (let i = 0; i < 10; i++) rig.send();
  for (let i = 0; i < 10; i++) rig.end('a', 'HF_ORIGIN_UNREACHABLE');
  rig.now = 1_000;
  assert.equal(rig.send(), 'a');
});

test('a probe that became a long stream prevents no later probe, and its end says nothing about the target', () => {
  const rig = new Rig('failover');
  rig.down.add('a');
  rig.send();
  rig.down.clear();
  rig.now = 1_000;
  assert.equal(rig.send(), 'a');
  rig.respond('a');
  rig.down.add('a');
  assert.equal(rig.send(), 'ab');
  rig.down.clear();
  rig.now = 2_000;
  assert.equal(rig.send(), 'a');
  rig.end('a', 'HF_ORIGIN_CLOSED');
  assert.equal(rig.send(), 'b');
});

test('a request that fails for want of a file descriptor is not tried elsewhere, and says nothing about the target', () => {
  const rig = new Rig('failover');
  assert.equal(rig.send(), 'a');
  rig.end('a', 'HF_OPEN_FILES');
  assert.equal(rig.send(), 'a');
  rig.end('a', 'HF_ORIGIN_UNREACHABLE');
  assert.equal(rig.send(), 'b');
});
