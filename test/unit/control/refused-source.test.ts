import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedSource } from '../../../src/control/refused-source.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { Endpoint } from './support.ts';

const BODY = JSON.stringify({ items: [{ channel: 'c', formats: { 'http-stream': { content: 'x' } } }] });

function codeOf(authority: string, headers: string[] = [], hosts: string[] = []): string | undefined {
  return refusedSource(requestHead({ authority, headers }), hosts)?.code;
}

test('Sec-Fetch-Site other than same-origin or none is refused', () => {
  for (const site of ['cross-site', 'same-site', 'Cross-Site', 'same-origin, cross-site', 'none;x', 'future', '']) {
    assert.equal(codeOf('localhost:5561', ['Sec-Fetch-Site', site]), 'HF_CROSS_SITE', site);
  }
  for (const site of ['same-origin', 'none']) {
    assert.equal(codeOf('localhost:5561', ['Sec-Fetch-Site', site]), undefined);
  }
  for (const second of ['cross-site', 'same-origin']) {
    const twice = ['Sec-Fetch-Site', 'same-origin', 'sec-fetch-site', second];
    assert.equal(codeOf('localhost:5561', twice), 'HF_CROSS_SITE', second);
  }
});

test('a foreign Origin is refused, and the one of the control port is accepted', () => {
  for (const origin of [
    'null',
    'https://evil.example',
    'http://localhost',
    'http://localhost:80',
    'http://localhost:55610',
  ]) {
    assert.equal(codeOf('localhost:5561', ['Origin', origin]), 'HF_CROSS_SITE', origin);
  }
  assert.equal(codeOf('localhost:5561', ['Origin', 'http://LOCALHOST:5561']), undefined);
  assert.equal(codeOf('localhost', ['Origin', 'http://localhost:80']), undefined);
  assert.equal(codeOf('localhost:443', ['Origin', 'https://localhost']), undefined);
  const twice = ['Origin', 'http://localhost:5561', 'Origin', 'http://evil.example'];
  assert.equal(codeOf('localhost:5561', twice), 'HF_CROSS_SITE');
});

test('a Host that is neither localhost nor an address nor listed is refused', () => {
  for (const authority of [
    'localhost',
    'LocalHost:5561',
    'a.localhost:1',
    '127.0.0.1:5561',
    '10.0.0.1',
    '[::1]:5561',
    '[::1]',
    '',
  ]) {
    assert.equal(codeOf(authority), undefined, authority);
  }
  for (const authority of [
    'evil.example',
    'evil.example:5561',
    'localhost.evil.example',
    'pushpin:5561',
    '1.2.3',
    'a:b:c',
  ]) {
    assert.equal(codeOf(authority), 'HF_CONTROL_HOST', authority);
  }
  assert.equal(codeOf('Pushpin:5561', [], ['pushpin']), undefined);
  assert.equal(codeOf('any.example', [], ['*']), undefined);
});

test('any Host is accepted of a request that no browser sends without the page behind it', () => {
  const codes = (method: string, headers: string[] = []) =>
    refusedSource(requestHead({ method, authority: 'evil.example', headers }), [])?.code;
  for (const method of ['POST', 'OPTIONS']) {
    assert.equal(codes(method), undefined, method);
    assert.equal(codes(method, ['Origin', 'http://evil.example']), 'HF_CONTROL_HOST', method);
    assert.equal(codes(method, ['Sec-Fetch-Site', 'same-origin']), 'HF_CONTROL_HOST', method);
  }
  for (const method of ['GET', 'HEAD']) assert.equal(codes(method), 'HF_CONTROL_HOST', method);
});

test('any Host is accepted over a unix socket', () => {
  const request = requestHead({ authority: 'evil.example', peer: { address: '', port: 0 }, headers: [] });
  assert.equal(refusedSource(request, []), null);
});

test('the publish endpoint responds to such requests with 403 on every path, and publishes nothing', () => {
  const endpoint = new Endpoint();
  const site = endpoint.post('/publish/', BODY, ['Sec-Fetch-Site', 'cross-site', 'Content-Type', 'text/plain']);
  assert.deepEqual([site.head?.status, site.body], [403, 'Web pages of other sites may not use the control port.\n']);
  const rebound = endpoint.begin({ method: 'GET', target: '/', authority: 'evil.example' }).requester;
  assert.deepEqual([rebound.head?.status, rebound.body], [403, 'This host name is not allowed on the control port.\n']);
  assert.equal(
    endpoint.begin({ method: 'GET', target: '/', authority: 'publish.example' }).requester.head?.status,
    200,
  );
  assert.deepEqual(endpoint.publisher.calls, []);
  assert.deepEqual(
    endpoint.log.records.map(({ fields }) => [fields.code, fields.detail]),
    [
      ['HF_CROSS_SITE', 'Sec-Fetch-Site is cross-site'],
      ['HF_CONTROL_HOST', 'Host is evil.example'],
    ],
  );
  assert.equal(endpoint.counters.publishesRefused, 1);
});
