import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { App } from '../../../src/app/index.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { loadConfig } from '../../../src/config/index.ts';
import {
  Counters,
  type ErrorCode,
  ExchangeError,
  NO_RESPONDER,
  type Requester,
  textResponse,
} from '../../../src/exchange/index.ts';
import { TargetList } from '../../../src/proxy/target-list.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { eventually, RunningApp } from '../../support/running-app.ts';

/** The checks of the targets `a` and `b`, whose time the test passes. */
class Rig {
  readonly log = new FakeLog();
  readonly counters = new Counters();
  readonly #waiting = new Map<string, Requester>();
  /** Names of the targets whose check was given up. */
  readonly ended: string[] = [];
  /** A target whose service throws. */
  broken = '';
  readonly #list;
  readonly checks;

  constructor() {
    const wheel = new TimerWheel();
    wheel.stop();
    const targets = ['a', 'b'].map((name) => ({
      name,
      host: '',
      channels: [],
      service: (_request: unknown, requester: Requester) => {
        if (name === this.broken) throw new Error('defect');
        this.#waiting.set(name, requester);
        return { ...NO_RESPONDER, onRequestError: () => this.ended.push(name) };
      },
      webSocketService: () => NO_RESPONDER,
    }));
    this.#list = new TargetList(targets, this.counters, 'failover', () => 0);
    const means = { wheel, counters: this.counters, log: this.log };
    this.checks = this.#list.checks({ path: '/', interval: 10, timeout: 5 }, means);
    this.checks.start();
  }

  respond(name: string, status: number): void {
    const { head, body } = textResponse(status, '');
    this.#waiting.get(name)?.onResponse(head);
    this.#waiting.get(name)?.onResponseData(body, false);
  }

  fail(name: string, code: ErrorCode): void {
    this.#waiting.get(name)?.onResponseError(new ExchangeError(code));
  }

  /** On to the end of the time for responses, and on to the next round. */
  nextRound(): void {
    this.checks.onTimer();
    this.checks.onTimer();
  }

  get suspects(): string {
    return [...this.#list.suspects()].flatMap(([name, suspect]) => (suspect ? [name] : [])).join('');
  }

  /** A request that succeeds. Returns its target. */
  request(): string {
    const attempts = this.#list.attempts();
    const { name } = attempts.begin();
    attempts.succeed();
    attempts.end();
    return name;
  }

  /** The target that is tried first. */
  get first(): string {
    const attempts = this.#list.attempts();
    const { name } = attempts.begin();
    attempts.end();
    return name;
  }
}

for (const status of [404, 500, 503]) {
  test(`a target that responds to its check with ${status} is passed over until it passes`, () => {
    const rig = new Rig();
    rig.respond('a', status);
    rig.respond('b', 200);
    assert.deepEqual([rig.suspects, rig.first, rig.first], ['a', 'b', 'b']);
    rig.nextRound();
    assert.deepEqual(rig.ended, []);
    assert.equal(rig.first, 'b');
    rig.respond('a', 302);
    assert.deepEqual([rig.suspects, rig.first], ['', 'a']);
  });
}

test('a target that does not respond to its check in time, or refuses it, is passed over', () => {
  const rig = new Rig();
  rig.fail('b', 'HF_ORIGIN_UNREACHABLE');
  assert.equal(rig.suspects, 'b');
  rig.checks.onTimer();
  assert.equal(rig.suspects, 'ab');
  assert.deepEqual(rig.ended, ['a']);
  rig.respond('a', 200);
  assert.equal(rig.suspects, 'ab');
});

test('a request that succeeds does not undo a check that failed', () => {
  const rig = new Rig();
  rig.respond('a', 500);
  rig.respond('b', 500);
  assert.equal(rig.request(), 'a');
  assert.equal(rig.suspects, 'ab');
});

test('changes are logged once', () => {
  const rig = new Rig();
  for (const status of [200, 500, 500, 200, 200]) {
    rig.respond('a', status);
    rig.respond('b', 200);
    rig.nextRound();
  }
  assert.equal(rig.log.of('target fails its check').length, 1);
  assert.equal(rig.log.of('target passes its check again').length, 1);
});

test('stopping gives up the checks that are under way, and says nothing of their targets', () => {
  const rig = new Rig();
  rig.checks.stop();
  assert.deepEqual(rig.ended, ['a', 'b']);
  assert.equal(rig.suspects, '');
  assert.equal(rig.checks.waiting, false);
});

test('a check that throws is counted, and the others are made', () => {
  const rig = new Rig();
  rig.broken = 'a';
  rig.nextRound();
  assert.equal(rig.counters.faults, 1);
  rig.respond('b', 500);
  assert.equal(rig.suspects.includes('b'), true);
  assert.equal(rig.checks.waiting, true);
});

test('the rounds of many routes are spread out over the interval', (t) => {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  let begun = 0;
  const target = {
    name: 'a',
    host: '',
    channels: [],
    service: () => {
      begun++;
      return NO_RESPONDER;
    },
    webSocketService: () => NO_RESPONDER,
  };
  const means = { wheel, counters: new Counters(), log: new FakeLog() };
  const all = Array.from({ length: 1_000 }, () =>
    new TargetList([target], means.counters).checks({ path: '/', interval: 10, timeout: 5 }, means),
  );
  all.forEach((checks, place) => {
    checks.start(place);
  });
  // The first one and the 501st are at the same place.
  assert.equal(begun, 2);
  // Each call passes the tenth of a second and two more.
  for (let time = 0; time < 20; time += 0.3) {
    const before = begun;
    advance(0.1);
    assert.ok(begun - before <= 40, `${begun - before} began after ${time} s`);
  }
  assert.ok(begun >= 1_900, `${begun} in all`);
  wheel.stop();
});

/** An origin whose health the test decides. */
async function startOrigin(t: TestContext) {
  const origin = { health: 200, checks: 0, others: 0, address: '' };
  const server = createServer((request, response) => {
    if (request.url === '/health?x=1') origin.checks++;
    if (request.url === '/other') origin.others++;
    response.statusCode = request.url === '/health?x=1' ? origin.health : 200;
    response.end(origin.address);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return origin;
}

test('the program checks targets, shows which are passed over, and stops when the routes are replaced', async (t) => {
  const [a, b] = [await startOrigin(t), await startOrigin(t)];
  const text = (targets: string, check: string) =>
    `[server]\nlisten = ["127.0.0.1:0"]\n[control]\nlisten = ["127.0.0.1:0"]\n[[route]]\nhost = "*"\ntargets = [${targets}]\n${check}`;
  const both = `"${a.address}", "${b.address}"`;
  const check = '[route.check]\npath = "/health?x=1"\ninterval = 0.5\ntimeout = 0.4\n';
  const log = new FakeLog();
  a.health = 503;
  const app = await App.start(loadConfig(text(both, check), 'a.toml'), log);
  t.after(() => app.stop(0));
  const running = new RunningApp(t, app, log);
  const suspect = async () => {
    const metrics = await (await running.connectControl()).request(
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    return [...metrics.body.toString().matchAll(/^holdfast_target_suspect\{.*target="(.*)"\} 1$/gm)].map(
      ([, name]) => name,
    );
  };
  await log.heard('target fails its check');
  assert.deepEqual(await suspect(), [a.address]);
  assert.equal((await running.get('/')).body.toString(), b.address);
  a.health = 200;
  await log.heard('target passes its check again');
  assert.deepEqual(await suspect(), []);
  assert.equal((await running.get('/')).body.toString(), a.address);
  await app.reconfigure(loadConfig(text(both, check.replace('/health?x=1', '/other')), 'a.toml'));
  const before = a.checks;
  await eventually(() => a.others >= 4);
  // One may have been on its way.
  assert.ok(a.checks <= before + 1);
});

for (const [title, route, message] of [
  ['one target', 'targets = ["a:1"]', /needs several targets/],
  ['the target test', 'targets = ["a:1", "test"]', /"test" cannot be checked/],
  ['a ZHTTP target', 'targets = ["a:1", "zhttp/tcp://127.0.0.1:1"]', /"zhttp" cannot be checked/],
  ['a timeout over the interval', 'targets = ["a:1", "b:1"]', /longer than interval/],
] as const) {
  test(`checks with ${title} are an error`, () => {
    const own = title.startsWith('a timeout') ? 'timeout = 11\n' : '';
    const text = `[[route]]\nhost = "*"\n${route}\n[route.check]\n${own}`;
    assert.throws(() => loadConfig(text, 'a.toml'), message);
  });
}
