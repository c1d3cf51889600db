import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldValue, fieldValues } from '../../../src/codec/fields/index.ts';
import type { Config } from '../../../src/config/index.ts';
import type { RequestHead } from '../../../src/exchange/index.ts';
import { prepareRoutes, RouteTable } from '../../../src/proxy/index.ts';
import type { ProxiedRoute } from '../../../src/proxy/proxied-route.ts';
import { GRIP_FEATURES, originHeaders } from '../../../src/proxy/request-headers.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { configOf } from '../../support/running-app.ts';
import { routeMeans } from './support/route-means.ts';

interface Given {
  /** Properties of the route, as in a route line. */
  readonly route?: string;
  readonly proxy?: Partial<Config['proxy']>;
  readonly request?: Partial<RequestHead>;
  readonly trusted?: boolean;
  readonly gripLast?: readonly string[];
}

/** What the origin gets of `headers`, without the Host and the Grip-Feature that are always there. */
function sent(headers: string[], given: Given = {}): string[] {
  const result = allSent(headers, given);
  assert.deepEqual(result.slice(0, 2), ['Host', 'example.com']);
  const index = result.indexOf('Grip-Feature');
  return index < 0 ? result.slice(2) : [...result.slice(2, index), ...result.slice(index + 2)];
}

function allSent(headers: string[], given: Given = {}): string[] {
  const { route = '', proxy = {}, request = {}, trusted = false, gripLast = [] } = given;
  const config = configOf([`*${route} localhost:1`], {
    proxy: { via: false, xForwardedFor: UNCHANGED, xForwardedForTrusted: UNCHANGED, ...proxy },
  });
  const prepared = prepareRoutes(config, routeMeans())[0] as ProxiedRoute;
  const head = requestHead({ headers, ...request });
  const settings = {
    routes: new RouteTable([prepared]),
    trust: null,
    rules: config.proxy,
    debug: false,
    shareAll: false,
  };
  return originHeaders({ request: head, route: prepared, settings, trusted, permit: null }, gripLast);
}

const APPEND = { truncate: null, append: true };
const UNCHANGED = { truncate: null, append: false };

test('Fields are forwarded in order, with their case and repetitions', () => {
  const headers = ['Accept', '*/*', 'COOKIE', 'a=1', 'cookie', 'b=2', 'X-Empty', '', 'User-Agent', 'x'];
  assert.deepEqual(sent(headers), headers);
});

test('Fields that compress or describe the body pass', () => {
  const headers = [
    'Accept-Encoding',
    'gzip, br',
    'Content-Encoding',
    'gzip',
    'Content-Type',
    'text/plain',
    'Range',
    'bytes=0-',
  ];
  assert.deepEqual(sent(headers), headers);
});

test('No field is added that shows the proxy', () => {
  assert.deepEqual(allSent(['Host', 'example.com']), ['Host', 'example.com', 'Grip-Feature', GRIP_FEATURES]);
});

test('Connection-specific fields do not pass, whatever their case', () => {
  const headers = [
    ...['Connection', 'keep-alive', 'KEEP-ALIVE', 'timeout=5', 'Proxy-Connection', 'keep-alive', 'TE', 'trailers'],
    ...['Trailer', 'X-Sum', 'Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'Expect', '100-continue'],
    ...['Content-Length', '5', 'host', 'example.com', 'X-Kept', '1'],
  ];
  assert.deepEqual(sent(headers), ['X-Kept', '1']);
});

test('Fields that any Connection field names do not pass', () => {
  const headers = ['Connection', 'close, X-One', 'x-one', '1', 'X-Two', '2', 'X-Three', '3', 'connection', ' X-TWO ,,'];
  assert.deepEqual(sent(headers), ['X-Three', '3']);
});

test('Connection cannot remove what the proxy adds', () => {
  const headers = ['Connection', 'host, x-forwarded-for, grip-feature, cdn-loop', 'X-Forwarded-For', '10.0.0.1'];
  const result = allSent(headers, { proxy: { xForwardedFor: APPEND, cdnLoop: 'edge' } });
  assert.equal(fieldValue(result, 'x-forwarded-for'), '10.0.0.1, 127.0.0.1');
  assert.equal(fieldValue(result, 'grip-feature'), GRIP_FEATURES);
  assert.equal(fieldValue(result, 'cdn-loop'), 'edge');
});

test('X-Forwarded-For passes unchanged where the rule is empty', () => {
  const headers = ['X-Forwarded-For', '10.0.0.1,10.0.0.2', 'x-forwarded-for', '10.0.0.3'];
  assert.deepEqual(sent(headers), headers);
});

test('append adds the address of the client, to a new field if needed', () => {
  const proxy = { xForwardedFor: APPEND };
  assert.deepEqual(sent(['X-Forwarded-For', '10.0.0.1'], { proxy }), ['X-Forwarded-For', '10.0.0.1, 127.0.0.1']);
  assert.deepEqual(sent([], { proxy }), ['X-Forwarded-For', '127.0.0.1']);
});

test('append adds no address on a unix socket', () => {
  const request = { peer: { address: '', port: 0 } };
  assert.deepEqual(sent([], { proxy: { xForwardedFor: APPEND }, request }), []);
});

test('truncate keeps the last addresses, over all fields and before appending', () => {
  const headers = ['X-Forwarded-For', '10.0.0.1, 10.0.0.2', 'X-Forwarded-For', '10.0.0.3'];
  const rule = (truncate: number, append: boolean) => ({ proxy: { xForwardedFor: { truncate, append } } });
  assert.deepEqual(sent(headers, rule(2, false)), ['X-Forwarded-For', '10.0.0.2, 10.0.0.3']);
  assert.deepEqual(sent(headers, rule(1, true)), ['X-Forwarded-For', '10.0.0.3, 127.0.0.1']);
  assert.deepEqual(sent(headers, rule(9, false)), ['X-Forwarded-For', '10.0.0.1, 10.0.0.2, 10.0.0.3']);
  assert.deepEqual(sent(headers, rule(0, true)), ['X-Forwarded-For', '127.0.0.1']);
  assert.deepEqual(sent(headers, rule(0, false)), []);
});

test('Requests of a trusted proxy have their own rule for X-Forwarded-For', () => {
  const proxy = { xForwardedFor: { truncate: 0, append: true }, xForwardedForTrusted: APPEND };
  const headers = ['X-Forwarded-For', '10.0.0.1'];
  assert.deepEqual(sent(headers, { proxy, trusted: true }), ['X-Forwarded-For', '10.0.0.1, 127.0.0.1']);
  assert.deepEqual(sent(headers, { proxy }), ['X-Forwarded-For', '127.0.0.1']);
});

test('By default X-Forwarded-For is the address of the connection, and of a trusted proxy what it says too', () => {
  const headers = ['X-Forwarded-For', '10.0.0.1'];
  const { xForwardedFor, xForwardedForTrusted } = configOf([]).proxy;
  assert.deepEqual(sent(headers, { proxy: { xForwardedFor } }), ['X-Forwarded-For', '127.0.0.1']);
  const peer = { address: '10.0.0.1', port: 0, proxy: { address: '192.0.2.9', port: 7 } };
  assert.deepEqual(sent(headers, { proxy: { xForwardedForTrusted }, request: { peer } }), [
    'X-Forwarded-For',
    '10.0.0.1, 192.0.2.9',
  ]);
});

const TLS: Partial<RequestHead> = { scheme: 'https' };
const CLAIMS = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Protocol', 'https'];

test('X-Forwarded-Proto of a client does not pass', () => {
  assert.deepEqual(sent(CLAIMS), []);
});

test('X-Forwarded-Proto of a client passes if it is accepted', () => {
  assert.deepEqual(sent(CLAIMS, { proxy: { acceptXForwardedProtocol: true } }), CLAIMS);
});

test('A request over TLS gets X-Forwarded-Proto, with X-Forwarded-Protocol or not at all if so configured', () => {
  assert.deepEqual(sent([], { request: TLS }), ['X-Forwarded-Proto', 'https']);
  assert.deepEqual(sent([], { request: TLS, proxy: { setXForwardedProtocol: 'true' } }), CLAIMS);
  assert.deepEqual(sent([], { request: TLS, proxy: { setXForwardedProtocol: 'false' } }), []);
});

test('A request without TLS gets neither', () => {
  assert.deepEqual(sent([], { proxy: { setXForwardedProtocol: 'true' } }), []);
});

test("A request over TLS replaces the client's X-Forwarded-Proto, or keeps it if it is accepted", () => {
  const headers = ['X-Forwarded-Proto', 'http'];
  assert.deepEqual(sent(headers, { request: TLS }), ['X-Forwarded-Proto', 'https']);
  assert.deepEqual(sent(headers, { request: TLS, proxy: { acceptXForwardedProtocol: true } }), headers);
});

test('CDN-Loop is left alone without cdn_loop, and ends with its name otherwise', () => {
  const headers = ['CDN-Loop', 'a; v="1, 2"', 'cdn-loop', 'b, c'];
  assert.deepEqual(sent(headers), headers);
  assert.deepEqual(sent(headers, { proxy: { cdnLoop: 'edge' } }), ['CDN-Loop', 'a; v="1, 2", b, c, edge']);
  assert.deepEqual(sent([], { proxy: { cdnLoop: 'edge' } }), ['CDN-Loop', 'edge']);
});

test('orig_headers sends a copy of every field that the client sent', () => {
  const headers = ['Host', 'example.com', 'Connection', 'close', 'X-Own', '1', 'Grip-Sig', 'forged'];
  assert.deepEqual(sent(headers, { route: ',orig_headers' }), [
    ...['X-Own', '1'],
    ...[
      'eb9bf0f5-Host',
      'example.com',
      'eb9bf0f5-Connection',
      'close',
      'eb9bf0f5-X-Own',
      '1',
      'eb9bf0f5-Grip-Sig',
      'forged',
    ],
  ]);
});

test('A client cannot send such a copy', () => {
  const headers = ['EB9BF0F5-X-Own', 'forged'];
  assert.deepEqual(sent(headers), []);
  assert.deepEqual(sent(headers, { route: ',orig_headers' }), []);
  assert.deepEqual(sent(headers, { trusted: true }), headers);
});

test('Grip fields of a client do not pass in any spelling, nor names that a gateway would treat as one', () => {
  const headers = ['Grip-Sig', 'x', 'GRIP-FEATURE', 'x', 'grip-last', 'a; last-id=1', 'Grip-', 'x', 'Grip_Sig', 'x'];
  assert.deepEqual(allSent([...headers, 'Gripe', 'kept']), [
    'Host',
    'example.com',
    'Gripe',
    'kept',
    'Grip-Feature',
    GRIP_FEATURES,
  ]);
});

test('Grip fields of a trusted proxy pass, and none are added', () => {
  const headers = ['Grip-Sig', 'x', 'Grip-Feature', GRIP_FEATURES, 'Grip-Last', 'a; last-id=1'];
  const given = { trusted: true, route: ',sig_key=secret', gripLast: ['b; last-id=2'] };
  assert.deepEqual(allSent(headers, given), ['Host', 'example.com', ...headers]);
});

test('Requests are signed with one Grip-Sig if there is a key', () => {
  const result = allSent(['Grip-Sig', 'forged'], { route: ',sig_key=secret' });
  const signatures = fieldValues(result, 'grip-sig');
  assert.equal(signatures.length, 1);
  assert.match(signatures[0] ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
});

test('A route with no_grip adds no Grip fields and passes none of the client', () => {
  const given = { route: ',no_grip,sig_key=secret', gripLast: ['a; last-id=1'] };
  assert.deepEqual(allSent(['Grip-Last', 'x; last-id=2'], given), ['Host', 'example.com']);
});

test('A replay has the last ids, one field for each channel', () => {
  const result = allSent([], { gripLast: ['a; last-id=1', 'b; last-id=2'] });
  assert.deepEqual(fieldValues(result, 'grip-last'), ['a; last-id=1', 'b; last-id=2']);
});

test('A header of the route replaces all fields of the client with that name', () => {
  const headers = ['x-key', 'forged', 'X-KEY', 'forged', 'X-Other', '1'];
  assert.deepEqual(sent(headers, { route: ',header=X-Key:secret' }), ['X-Other', '1', 'X-Key', 'secret']);
  assert.deepEqual(sent([], { route: ',header=X-A:1,header=X-B:2' }), ['X-A', '1', 'X-B', '2']);
});

test("A header of the route without a value removes the client's", () => {
  assert.deepEqual(sent(['Cookie', 'a=1', 'X-Other', '1'], { route: ',header=Cookie:' }), ['X-Other', '1']);
});

test('Pushpin-Route passes unless it has chosen the route', () => {
  const headers = ['Pushpin-Route', 'named'];
  assert.deepEqual(sent(headers), headers);
  assert.deepEqual(sent(headers, { proxy: { acceptPushpinRoute: true } }), []);
});

test('Via names this proxy after the earlier ones, with the version of the request', () => {
  const proxy = { via: true };
  assert.deepEqual(sent([], { proxy }), ['Via', '1.1 holdfast']);
  const given = { proxy, request: { version: '1.0' as const } };
  assert.deepEqual(sent(['Via', '1.1 cache'], given), ['Via', '1.1 cache', 'Via', '1.0 holdfast']);
});

test('A route can set or remove Via', () => {
  const proxy = { via: true };
  assert.deepEqual(sent(['Via', '1.1 cache'], { proxy, route: ',header=Via:' }), []);
  assert.deepEqual(sent([], { proxy, route: ',header="Via:1.1 me"' }), ['Via', '1.1 me']);
});
