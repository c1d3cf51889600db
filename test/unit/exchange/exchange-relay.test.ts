import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Counters,
  CreditedResponse,
  ExchangeRelay,
  type Requester,
  type RequestHead,
  UNKNOWN_LENGTH,
} from '../../../src/exchange/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { ScriptedExchange } from '../../support/scripted-service.ts';

class PlainRelay extends ExchangeRelay {}

/** A responder that sends a body of `length` bytes, as much of it at once as the request grants. */
class EagerResponder extends ScriptedExchange {
  readonly #body: CreditedResponse;

  constructor(request: RequestHead, requester: Requester, length: number) {
    super(request, requester);
    this.#body = new CreditedResponse(requester, request.credits);
    this.head({ bodyLength: UNKNOWN_LENGTH });
    this.#body.give(Buffer.alloc(length, 'x'), true);
  }

  override onResponseCredit(bytes: number): void {
    super.onResponseCredit(bytes);
    this.#body.credit(bytes);
  }
}

test('response credits that come before the responder is known reach it', () => {
  const requester = new FakeRequester(65_536);
  const relay = new PlainRelay(requester, new Counters());
  requester.responder = relay;
  requester.onBytes = (bytes) => requester.grant(bytes);
  relay.attach(new EagerResponder(requestHead(), relay, 200_000));
  assert.equal(requester.complete, true);
  assert.equal(requester.body.length, 200_000);
});

test('a request body that is granted before the responder is known reaches it whole', () => {
  const requester = new FakeRequester(65_536);
  const relay = new PlainRelay(requester, new Counters());
  requester.responder = relay;
  requester.onCall = () => {
    if (requester.requestCredit > 0) requester.send('hello');
  };
  const exchange = new ScriptedExchange(requestHead({ bodyLength: 5 }), relay);
  exchange.grant(5);
  assert.equal(exchange.body, '');
  relay.attach(exchange);
  assert.deepEqual([exchange.body, exchange.bodyDone], ['hello', true]);
  assert.deepEqual(requester.grants, [5]);
});

test('a responder that a service has handed over to stays when the service returns', () => {
  const requester = new FakeRequester(65_536);
  const relay = new PlainRelay(requester, new Counters());
  const [first, second] = [0, 1].map(() => new ScriptedExchange(requestHead(), relay));
  relay.handOver(second as ScriptedExchange);
  relay.attach(first as ScriptedExchange);
  relay.onResponseCredit(10);
  assert.deepEqual([first?.credits, second?.credits], [65_536, 65_546]);
});

test('a hand-over ends a pause', () => {
  const requester = new FakeRequester(65_536);
  const relay = new PlainRelay(requester, new Counters());
  const [first, second] = [0, 1].map(() => new ScriptedExchange(requestHead(), relay));
  relay.attach(first as ScriptedExchange);
  relay.pauseRequest(true);
  relay.handOver(second as ScriptedExchange);
  assert.equal(requester.paused, false);
});
