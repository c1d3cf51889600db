import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GripSigner } from '../../../src/codec/grip/index.ts';
import { prepareRoutes, RouteTable } from '../../../src/proxy/index.ts';
import { KeptOriginHeaders } from '../../../src/proxy/kept-origin-headers.ts';
import type { ProxiedRequest } from '../../../src/proxy/proxied-request.ts';
import type { ProxiedRoute } from '../../../src/proxy/proxied-route.ts';
import { type ProxyTarget, withHost } from '../../../src/proxy/proxy-target.ts';
import { originHeaders } from '../../../src/proxy/request-headers.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { configOf } from '../../support/running-app.ts';
import { routeMeans } from './support/route-means.ts';

const HEADERS = ['Host', 'example.com', 'Accept', '*/*', 'Grip-Last', 'a; last-id=1'];

function proxied(line: string): ProxiedRequest {
  const config = configOf([line], { proxy: { xForwardedFor: { truncate: null, append: true } } });
  const route = prepareRoutes(config, routeMeans())[0] as ProxiedRoute;
  const routes = new RouteTable([route]);
  const settings = { routes, trust: null, rules: config.proxy, debug: false, shareAll: false };
  return { request: requestHead({ headers: HEADERS }), route, settings, trusted: false, permit: null };
}

test('Requests with the same list of fields get the same list', () => {
  const lists = new KeptOriginHeaders();
  const first = proxied('* localhost:1');
  const list = lists.of(first, []);
  assert.deepEqual(list, originHeaders(first, []));
  const second = { ...first, request: { ...first.request, id: '2-1', target: '/other', method: 'POST' } };
  assert.equal(lists.of(second, []), list);
});

const base = proxied('* localhost:1');
const { request, settings, route } = base;
const NO_TARGET = { name: 'localhost:1', host: '', channels: [] } as unknown as ProxyTarget;
const permit = { headers: ['X-User', 'me'], channels: null } as unknown as ProxiedRequest['permit'];

const others: Record<string, ProxiedRequest> = {
  'other fields': { ...base, request: { ...request, headers: ['Host', 'example.com', 'Accept', 'a/b', 'X-A', '2'] } },
  'another host': { ...base, request: { ...request, authority: 'other.example' } },
  'another client': { ...base, request: { ...request, peer: { address: '192.0.2.1', port: 1 } } },
  'a client behind a trusted proxy': {
    ...base,
    request: { ...request, peer: { ...request.peer, proxy: request.peer } },
  },
  'another version of HTTP': { ...base, request: { ...request, version: '1.0' } },
  'another scheme': { ...base, request: { ...request, scheme: 'https' } },
  'a trusted sender': { ...base, trusted: true },
  'a token': { ...base, permit },
  'a session': { ...base, session: { id: 'abc', gripLast: ['b; last-id=2'] } as unknown as ProxiedRequest['session'] },
  'other rules': { ...base, settings: { ...settings, rules: { ...settings.rules, cdnLoop: 'us' } } },
  'another route': proxied('*,header=X-Set:1 localhost:1'),
  'a signature': { ...base, route: { ...route, signer: new GripSigner('me', Buffer.from('key')) } },
};

for (const [what, other] of Object.entries(others)) {
  test(`A request with ${what} gets its own list, before and after`, () => {
    const lists = new KeptOriginHeaders();
    for (const each of [base, other, base, other]) {
      assert.deepEqual(lists.of(each, []), originHeaders(each, []));
    }
  });
}

test('The signature of a kept list is replaced when the signer has another one', () => {
  const lists = new KeptOriginHeaders();
  let token = 'one';
  const signer = { token: () => token } as GripSigner;
  const signed = { ...base, route: { ...route, signer } };
  assert.ok(lists.of(signed, []).includes('one'));
  token = 'two';
  assert.ok(lists.of(signed, []).includes('two'));
});

test('A repeated request says where its client was, and the next one does not', () => {
  const lists = new KeptOriginHeaders();
  lists.of(base, []);
  assert.ok(lists.of(base, ['a; last-id=7']).includes('a; last-id=7'));
  assert.ok(!lists.of(base, []).includes('a; last-id=7'));
});

test('A target with another Host gets a list of its own', () => {
  const lists = new KeptOriginHeaders();
  const outgoing = { ...request, headers: lists.of(base, []) };
  const target = { ...NO_TARGET, host: 'other.example' };
  assert.equal(withHost(outgoing, NO_TARGET).headers, outgoing.headers);
  assert.equal(withHost(outgoing, target).headers[1], 'other.example');
  assert.equal(lists.of(base, [])[1], 'example.com');
});
