import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Instruct, NO_LINKS } from '../../../src/codec/grip/index.ts';
import { NO_RESPONDER, type Responder } from '../../../src/exchange/index.ts';
import type { LinkClient } from '../../../src/hub/index.ts';
import { LinkRequest } from '../../../src/proxy/link-request.ts';
import type { LinkRoute } from '../../../src/proxy/link-route.ts';
import type { ProxyRoom } from '../../../src/proxy/proxy-room.ts';
import type { TargetRequester } from '../../../src/proxy/proxy-target.ts';

/** A client that notes what it is told. */
class NotedClient implements LinkClient {
  readonly told: string[] = [];

  onLinkData(): void {}

  onLinkDone(): void {
    this.told.push('done');
  }

  onLinkFailed(detail: string): void {
    this.told.push(detail);
  }

  onLinkUnshared(): void {
    assert.fail('nothing is shared');
  }

  onFault(thrown: unknown): void {
    this.told.push(String(thrown));
  }
}

/** A request of a link whose target is played by `send`. */
function started(
  client: LinkClient,
  onInstruct: (instruct: Instruct) => void,
  send: (requester: TargetRequester) => Responder = () => NO_RESPONDER,
): LinkRequest {
  const route = {
    uri: 'http://a/',
    noGrip: false,
    send: (_head: unknown, _last: unknown, requester: TargetRequester) => send(requester),
  };
  const request = new LinkRequest({} as ProxyRoom, route as unknown as LinkRoute, 'GET', [], client, onInstruct);
  request.start();
  return request;
}

test('a responder that takes the request over within the call gets the credits', () => {
  const credits: number[] = [];
  const later = { ...NO_RESPONDER, onResponseCredit: (bytes: number) => credits.push(bytes) };
  const request = started(
    new NotedClient(),
    () => {},
    (requester) => {
      requester.handOver(later);
      return NO_RESPONDER;
    },
  );
  request.onResponse({ status: 200, reason: '', headers: [], bodyLength: 10 });
  request.onResponseData(Buffer.alloc(5), true);
  request.taken();
  assert.deepEqual(credits, [5]);
});

test('a client whose update throws is told, though the request is over', () => {
  const client = new NotedClient();
  const request = started(client, ({ links }) => {
    assert.equal(links, NO_LINKS);
    throw new Error('thrown by the test');
  });
  request.onResponse({ status: 200, reason: '', headers: [], bodyLength: 0 });
  request.onResponseData(Buffer.alloc(0), false);
  assert.deepEqual(client.told, ['Error: thrown by the test']);
});

test('a response whose next link is invalid for one of the schemes fails the link', () => {
  const client = new NotedClient();
  const headers = ['Grip-Hold', 'stream', 'Grip-Channel', 'a', 'Grip-Link', '<http:>; rel=next'];
  started(client, () => assert.fail()).onResponse({ status: 200, reason: '', headers, bodyLength: 0 });
  assert.deepEqual(client.told, ['Failed to parse accept instructions: Grip-Link has an invalid URI']);
});

test('the filters of the response apply to its body, also where a directive comes in pieces', () => {
  const client = new NotedClient();
  let body = '';
  client.onLinkData = (chunk?: Buffer) => {
    body += chunk;
  };
  const headers = ['Grip-Hold', 'stream', 'Grip-Channel', 'a; prev-id=7; filter=build-id'];
  headers.push('Grip-Set-Meta', 'id_format="%(a)s-x"');
  const request = started(client, () => client.onLinkDone());
  request.onResponse({ status: 200, reason: '', headers, bodyLength: -1 });
  for (const piece of ['one %', 'I 100%% ', '%(a', '\\)b)I', ' end %'])
    request.onResponseData(Buffer.from(piece), true);
  request.onResponseData(Buffer.from('I'), false);
  assert.equal(body, 'one 7-x 100% a)b end 7-x');
  assert.deepEqual(client.told, ['done']);
});

test('a directive of the body that does not end fails the link', () => {
  for (const [piece, more] of [
    ['end %', false],
    [`%(${'x'.repeat(2_000)}`, true],
  ] as const) {
    const client = new NotedClient();
    const headers = ['Grip-Channel', 'a; filter=build-id', 'Grip-Set-Meta', 'id_format=x'];
    const request = started(client, () => {});
    request.onResponse({ status: 200, reason: '', headers, bodyLength: -1 });
    request.onResponseData(Buffer.from(piece), more);
    assert.deepEqual(client.told, ['filter error: build-id: directive does not end']);
  }
});
