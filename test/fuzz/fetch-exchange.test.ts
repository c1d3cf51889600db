import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_FETCH_OPTIONS } from '../../src/client/index.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import { Counters, ExchangeError, silentLog, UNKNOWN_LENGTH } from '../../src/exchange/index.ts';
import { HttpFetcher } from '../../src/fetch/index.ts';
import { FakeRequester } from '../support/exchange/fake-requester.ts';
import { fc } from '../support/properties.ts';
import { ScriptedClient, type SentRequest } from '../unit/client/scripted-client.ts';

const BOX = { interruptAfterTimeLimit: 1_500, numRuns: 50_000 };

const GONE = new ExchangeError('HF_CLIENT_GONE');

/** What happens next, with a number that says how much of it, wherever it is possible. */
type Step = readonly [what: 'grant' | 'send' | 'head' | 'redirect' | 'data' | 'take' | 'fail' | 'leave', size: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('grant', 'grant', 'send', 'send', 'send', 'head', 'redirect', 'data', 'data', 'take', 'take'),
  fc.nat(7),
);
const ending: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom('fail', 'leave', 'grant', 'data'), fc.nat(7));

/** One request: both of its sides do what the steps say, and watch that the other one keeps to the contract. */
class Run {
  readonly client = new ScriptedClient();
  readonly requester: FakeRequester;
  readonly sent: string;
  #left: string;
  #gone = false;
  /** What the last place has sent of its answer. */
  #answer = '';
  #answered: 'no' | 'redirect' | 'final' = 'no';
  #current: SentRequest | null = null;

  constructor(wheel: TimerWheel, body: string, declared: 'known' | 'field' | 'no', credits: number, eager: boolean) {
    this.sent = body;
    this.#left = body;
    this.client.onSend = (sent) => {
      this.#current = sent;
      this.#answered = 'no';
      this.#answer = '';
      if (eager && sent.head.bodyLength !== 0) sent.grant(3);
    };
    const fetcher = new HttpFetcher({
      client: this.client,
      opener: { open: () => assert.fail() },
      wheel,
      counters: new Counters(),
      log: silentLog,
      ipv4Only: false,
    });
    this.requester = new FakeRequester(credits);
    this.requester.responder = fetcher.fetch(
      {
        id: '1',
        method: 'POST',
        uri: 'http://a.example/',
        headers: declared === 'field' ? ['Content-Length', String(body.length)] : [],
        bodyLength: declared === 'known' ? body.length : UNKNOWN_LENGTH,
        credits,
        options: { ...DEFAULT_FETCH_OPTIONS, followRedirects: true, maxSize: 1_000, timeout: 1_000_000 },
      },
      this.requester,
    );
  }

  step([what, size]: Step): void {
    const sent = this.#current as SentRequest;
    const over = this.requester.end !== null || this.#gone;
    if (over) return;
    switch (what) {
      case 'grant':
        if (!sent.complete && sent.left === null) sent.grant(size + 1);
        break;
      case 'send':
        this.#send(size);
        break;
      case 'head':
        if (this.#answered !== 'no') break;
        this.#answered = 'final';
        sent.start(200);
        break;
      case 'redirect': {
        if (this.#answered !== 'no') break;
        this.#answered = 'redirect';
        const status = [301, 303, 307, 307, 308, 308, 302, 307][size] as number;
        sent.start(status, ['Location', `/${size}`]);
        break;
      }
      case 'data':
        this.#data(sent, size);
        break;
      case 'take':
        this.requester.grant(size + 1);
        break;
      case 'fail':
        if (sent.left === null) sent.fail(new ExchangeError('HF_ORIGIN_CLOSED'));
        break;
      case 'leave':
        this.#gone = true;
        this.requester.leave(GONE);
        assert.notEqual(this.#current?.left, null);
        break;
    }
    this.#check();
  }

  /** Lets everybody do what is left to do: then it has to come to its end. */
  finish(): void {
    for (let round = 0; this.requester.end === null && !this.#gone; round++) {
      assert.ok(round < 100, 'it does not come to its end');
      const sent = this.#current as SentRequest;
      this.step(['grant', 7]);
      this.step(['send', 7]);
      this.step(['take', 7]);
      if (!sent.complete) continue;
      this.step(['head', 0]);
      this.step(['data', 5]);
      this.step(['data', 7]);
    }
    if (this.requester.end === 'complete') assert.equal(this.#answered, 'final');
  }

  #send(size: number): void {
    if (this.#left === '' || this.requester.requestCredit === 0) return;
    const piece = this.#left.slice(0, Math.min(size + 1, this.requester.requestCredit));
    this.#left = this.#left.slice(piece.length);
    this.requester.send(piece, this.#left !== '');
  }

  #data(sent: SentRequest, size: number): void {
    if (this.#answered === 'no' || sent.left !== null) return;
    const more = size < 6;
    const piece = 'answer'.slice(0, Math.min(size, sent.credits));
    if (more && piece === '') return;
    if (this.#answered === 'final') this.#answer += piece;
    sent.data(piece, more);
  }

  /** Each place has got the body from its beginning, or none; the requester has got the answer of the last one alone. */
  #check(): void {
    for (const { head, body, complete } of this.client.sent) {
      if (head.bodyLength === 0) assert.equal(body, '');
      else assert.ok(complete ? body === this.sent : this.sent.startsWith(body));
    }
    assert.equal(this.requester.body, this.#answer);
    assert.ok(this.client.count <= 9);
  }
}

test('Redirects, bodies and credits in any order keep to the contract on both sides', () => {
  const wheel = new TimerWheel();
  try {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz') }),
        fc.constantFrom('known', 'field', 'no'),
        fc.nat(20),
        fc.boolean(),
        fc.array(step, { maxLength: 80 }),
        ending,
        (body, declared, credits, eager, steps, last) => {
          const run = new Run(wheel, body, declared, credits, eager);
          for (const each of steps) run.step(each);
          run.step(last);
          run.finish();
        },
      ),
      BOX,
    );
  } finally {
    wheel.stop();
  }
});
