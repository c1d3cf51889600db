import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { KeyReader } from '../../../src/config/index.ts';
import { ExchangeError, NO_RESPONDER } from '../../../src/exchange/index.ts';
import { type ProxiedRoute, prepareRoutes } from '../../../src/proxy/index.ts';
import { type Changes, configOf } from '../../support/running-app.ts';
import { routeMeans } from './support/route-means.ts';

function prepared(lines: readonly string[], overrides: Changes = {}, readFile = (_path: string) => ''): ProxiedRoute[] {
  return prepareRoutes(configOf(lines, overrides), routeMeans({ keys: new KeyReader(readFile) }));
}

test('A route shows details of errors if debug is set for it or the whole proxy', () => {
  const lines = ['a.example,debug localhost:1', 'b.example localhost:1'];
  assert.deepEqual(
    prepared(lines).map(({ debug }) => debug),
    [true, false],
  );
  assert.deepEqual(
    prepared(lines, { proxy: { debug: true } }).map(({ debug }) => debug),
    [true, true],
  );
});

test('Each target has its own service and Host', () => {
  const asked: string[] = [];
  const means = routeMeans({
    serviceOf: ({ host, port, untrusted }) => {
      asked.push(`${host} ${port} ${untrusted}`);
      return () => NO_RESPONDER;
    },
  });
  const lines = ['a.example,as_host=all.test [::1]:81 b.test:82,untrusted,host=own.test'];
  const [route] = prepareRoutes(configOf(lines), means);
  assert.deepEqual(asked, ['::1 81 false', 'b.test 82 true']);
  const failure = route?.targets.failure(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'refused'));
  assert.equal(failure?.detail, 'Unable to connect to any targets. Tried: [::1]:81, b.test:82 (refused)');
});

test('Headers of a route are split into those to set and the names to remove', () => {
  const [route] = prepared(['*,header=X-Key:secret,header=Cookie: localhost:1']);
  assert.deepEqual(route?.setHeaders, ['X-Key', 'secret']);
  assert.deepEqual([...(route?.setNames ?? [])], ['x-key', 'cookie']);
});

test('Requests are not signed without a key, nor on a route with no_grip', () => {
  assert.equal(prepared(['* localhost:1'])[0]?.signer, null);
  assert.equal(prepared(['*,no_grip,sig_key=secret localhost:1'])[0]?.signer, null);
});

test('Key and issuer of the route each override those of the proxy', async () => {
  const lines = [
    'a.example localhost:1',
    'b.example,sig_key=own localhost:1',
    'c.example,sig_iss=me localhost:1',
    'd.example,sig_iss=me,sig_key=own localhost:1',
  ];
  const routes = prepared(lines, { proxy: { sigIss: 'all', sigKey: 'common' } });
  const expected = [
    ['all', 'common'],
    ['all', 'own'],
    ['me', 'common'],
    ['me', 'own'],
  ] as const;
  for (const [index, [issuer, key]] of expected.entries()) {
    const { payload } = await jwtVerify(routes[index]?.signer?.token() ?? '', Buffer.from(key));
    assert.equal(payload.iss, issuer);
  }
});

test('Routes with the same issuer and key share a signer', () => {
  const lines = ['a.example localhost:1', 'b.example localhost:1', 'c.example,sig_iss=other localhost:1'];
  const [a, b, c] = prepared(lines, { proxy: { sigKey: 'common' } });
  assert.equal(a?.signer, b?.signer);
  assert.notEqual(a?.signer, c?.signer);
});

test('A key file is read once', async () => {
  const read: string[] = [];
  const routes = prepared(
    ['a.example localhost:1', 'b.example localhost:1'],
    { proxy: { sigKey: 'file:key.hex' } },
    (path) => {
      read.push(path);
      return '73 65 63 72 65 74\n';
    },
  );
  assert.deepEqual(read, ['key.hex']);
  await jwtVerify(routes[0]?.signer?.token() ?? '', Buffer.from('secret'));
});

test('Keys that cannot be read or used are reported with their options', () => {
  const issues = (lines: readonly string[], overrides: Changes, readFile: (path: string) => string) => {
    const keys = new KeyReader(readFile);
    prepareRoutes(configOf(lines, overrides), routeMeans({ keys }));
    return keys.issues.map(({ path }) => path.join(' '));
  };
  const unreadable = () => {
    throw new Error('no such file');
  };
  const noKey = () => '-----BEGIN PRIVATE KEY-----\nno key\n-----END PRIVATE KEY-----\n';
  const lines = ['a.example,sig_key=file:a localhost:1', 'b.example,sig_key=file:b localhost:1'];
  const proxy = { sigKey: 'file:c' };
  for (const readFile of [unreadable, noKey]) {
    assert.deepEqual(issues(lines, {}, readFile), ['route 0 sig_key', 'route 1 sig_key']);
    assert.deepEqual(issues(lines, { proxy }, readFile), ['proxy sig_key', 'route 0 sig_key', 'route 1 sig_key']);
  }
});
