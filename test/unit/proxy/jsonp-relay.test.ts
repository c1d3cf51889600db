import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, type Requester, type Responder, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { crossOrigin } from '../../../src/proxy/cross-origin/cross-origin.ts';
import { DEFAULT_JSONP } from '../../../src/proxy/cross-origin/jsonp-settings.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

/** A responder that notes what it is granted and told. */
class Origin implements Responder {
  credits = 0;
  body = '';
  ended: string | null = null;

  onRequestData(chunk: Buffer, more: boolean): void {
    this.body += chunk.toString('latin1') + (more ? '' : '.');
  }

  onRequestError({ code }: { code: string }): void {
    this.ended = code;
  }

  onResponseCredit(bytes: number): void {
    this.credits += bytes;
  }
}

function start(target: string, credits = 65_536) {
  const client = new FakeRequester(credits);
  const { request, relay, error } = crossOrigin(
    requestHead({ target, credits }),
    client,
    DEFAULT_JSONP,
    new Counters(),
  );
  assert.equal(error, null);
  const origin = new Origin();
  client.responder = relay;
  relay.attach(origin);
  return { client, request, relay: relay as Requester & Responder, origin };
}

const HEAD = { status: 200, reason: '', headers: [], bodyLength: UNKNOWN_LENGTH };

test('the origin may send one window, and more only when the client has taken all', () => {
  const { client, request, relay, origin } = start('/?callback=cb', 100);
  assert.equal(request.credits, 65_536);
  relay.onResponse(HEAD);
  relay.onResponseData(Buffer.alloc(65_536, 0), true);
  assert.equal(client.body.length, 100);
  assert.equal(origin.credits, 0);
  client.credits += 1_000_000;
  relay.onResponseCredit(1_000_000);
  assert.equal(origin.credits, 65_536);
  relay.onResponseData(Buffer.from('x'), false);
  assert.ok(client.complete);
  const script = client.body;
  assert.equal(script.slice(0, 24), '/**/cb({"code": 200, "re');
  assert.equal(script.length, script.indexOf('"body": "') + 9 + 6 * 65_536 + 'x"});\n'.length);
});

test('a response that is complete before the client takes it passes in whole, and a client that leaves is its end', () => {
  const { client, relay } = start('/?callback=cb', 10);
  relay.onResponse(HEAD);
  relay.onResponseData(Buffer.from('hello'), false);
  assert.equal(client.end, null);
  client.credits += 1_000;
  relay.onResponseCredit(1_000);
  assert.ok(client.complete);
  const left = start('/?callback=cb', 10);
  left.relay.onResponse(HEAD);
  left.relay.onResponseData(Buffer.from('hello'), true);
  left.relay.onRequestError({ code: 'HF_CLIENT_GONE' } as never);
  assert.equal(left.origin.ended, 'HF_CLIENT_GONE');
  left.relay.onResponseCredit(1_000);
  assert.equal(left.client.body.length, 10);
});

test('characters that are cut between two pieces stay whole, and bytes that are no characters do no harm', () => {
  const { client, relay } = start('/?callback=cb');
  relay.onResponse(HEAD);
  for (const byte of Buffer.from('ü😀"\\')) relay.onResponseData(Buffer.from([byte]), true);
  relay.onResponseData(Buffer.from([0xff, 0xf0, 0x9f]), false);
  const script = Buffer.concat(client.chunks).toString();
  assert.ok(script.endsWith('"body": "ü😀\\"\\\\\ufffd\ufffd"});\n'), script);
});

test('the body of the query goes to the origin as it takes it', () => {
  const { relay, origin, request } = start('/?callback=cb&_body=hello&_method=POST');
  assert.deepEqual([request.method, request.bodyLength], ['POST', 5]);
  relay.onRequestCredit(2);
  assert.equal(origin.body, 'he');
  relay.pauseRequest(true);
  relay.onRequestCredit(2);
  assert.equal(origin.body, 'he');
  relay.pauseRequest(false);
  relay.onRequestCredit(100);
  assert.equal(origin.body, 'hello.');
});

test('an origin that fails within its response is the end of the script', () => {
  const { client, relay } = start('/?callback=cb');
  relay.onResponse(HEAD);
  relay.onResponseError({ code: 'HF_ORIGIN_CLOSED' } as never);
  assert.equal(client.error?.code, 'HF_ORIGIN_CLOSED');
});
