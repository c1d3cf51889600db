import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessLine, combinedLine, jsonLine, logfmtLine } from '../../../src/app/access-line.ts';
import { ExchangeRecord } from '../../../src/exchange/index.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

const NOW = Date.UTC(2026, 10, 8, 2, 3, 4, 56);
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

function record(
  changes: Partial<ExchangeRecord> = {},
  request: Parameters<typeof requestHead>[0] = {},
): ExchangeRecord {
  const head = requestHead({ id: '7-1', method: 'GET', target: '/a?b=c', authority: 'example.com', ...request });
  const made = new ExchangeRecord({ ...head, headers: request.headers ?? [] }, { onExchangeEnd: () => {} });
  return Object.assign(made, { client: '192.0.2.1' }, changes);
}

const read = (each: ExchangeRecord) => JSON.parse(jsonLine(each, 'proxy', each.client, NOW));

test('A line of JSON has what is known of an exchange, and nothing else', () => {
  const started = performance.now();
  const { durationMs, ...line } = read(record({ status: 200, responseBytes: 5, respondedAt: 0 }));
  assert.ok(durationMs >= 0 && durationMs <= performance.now() - started + 1_000);
  assert.deepEqual(line, {
    time: '2026-11-08T02:03:04.056Z',
    role: 'proxy',
    client: '192.0.2.1',
    method: 'GET',
    target: '/a?b=c',
    host: 'example.com',
    version: '1.1',
    status: 200,
    outcome: 'completed',
    requestBytes: 0,
    responseBytes: 5,
    id: '7-1',
  });
});

test('A held stream says how long it was held and how many items it got, and all else that is known', () => {
  const line = read(
    record(
      {
        status: 200,
        error: 'HF_CLIENT_GONE',
        heldAt: performance.now(),
        items: 3,
        originTime: 1.5,
        respondedAt: performance.now(),
        route: 'événements',
        origin: '10.0.0.1:80',
        requestId: 'abc',
        webSocket: true,
      },
      { headers: ['User-Agent', 'me "1"', 'Referer', 'http://a/?token=s3cret'] },
    ),
  );
  const { outcome, error, items, originMs, route, origin, requestId, webSocket, userAgent, referer } = line;
  assert.deepEqual(
    { outcome, error, items, originMs, route, origin, requestId, webSocket, userAgent, referer },
    {
      outcome: 'left',
      error: 'HF_CLIENT_GONE',
      items: 3,
      originMs: 1.5,
      route: 'événements',
      origin: '10.0.0.1:80',
      requestId: 'abc',
      webSocket: true,
      userAgent: 'me "1"',
      referer: 'http://a/?token=redacted',
    },
  );
  assert.ok(line.heldMs >= 0 && line.firstByteMs >= 0);
});

test('A request that got the rest of a stream was resumed, unless its client has left', () => {
  assert.equal(read(record({ status: 200, resumed: true })).outcome, 'resumed');
  assert.equal(read(record({ status: 200, resumed: true, error: 'HF_CLIENT_GONE' })).outcome, 'left');
});

test('A request that was not read so far has no target', () => {
  const line = read(record({ status: 400, error: 'HF_BAD_REQUEST' }, { target: '' }));
  assert.deepEqual([line.outcome, line.method, line.target], ['refused', undefined, undefined]);
});

test('The combined format is that of Apache and nginx', () => {
  const fields = { headers: ['User-Agent', 'me "1"', 'Referer', 'http://a/'] };
  assert.equal(
    combinedLine(record({ status: 200, responseBytes: 5 }, fields), 'proxy', '192.0.2.1', NOW),
    '192.0.2.1 - - [08/Nov/2026:02:03:04 +0000] "GET /a?b=c HTTP/1.1" 200 5 "http://a/" "me \\x221\\x22"\n',
  );
  assert.equal(
    combinedLine(record({ status: 0 }, { target: '' }), 'proxy', '', NOW),
    '- - - [08/Nov/2026:02:03:04 +0000] "-" 499 0 "-" "-"\n',
  );
});

test('A line of logfmt has the same keys as one of JSON', () => {
  const each = record({ status: 200, route: 'a b', requestId: 'r', originTime: 1, respondedAt: 1e9, heldAt: 1 });
  const line = logfmtLine(each, 'edge', each.client, NOW);
  const keys = [...line.matchAll(/(?:^| )([a-zA-Z]+)=/g)].map(([, key]) => key);
  assert.deepEqual(keys, Object.keys(read(each)));
  assert.match(
    line,
    /^time=2026-11-08T02:03:04\.056Z role=edge client=192\.0\.2\.1 method=GET target="\/a\?b=c" .* route="a b"/,
  );
  assert.ok(line.endsWith(' requestId=r\n'));
});

const HOSTILE = `/\u0000"\\\r\n\xe9{}<>=${' '.repeat(3)}`;
for (const [name, write] of Object.entries({ jsonLine, combinedLine, logfmtLine })) {
  test(`${name}: nothing of a client begins another line or leaves its place`, () => {
    const line = (write as AccessLine)(
      record(
        { route: HOSTILE, origin: HOSTILE },
        {
          target: HOSTILE,
          authority: HOSTILE,
          id: HOSTILE,
          method: HOSTILE,
          headers: ['User-Agent', HOSTILE, 'Referer', HOSTILE],
        },
      ),
      'fetch',
      HOSTILE,
      NOW,
    );
    assert.match(line, /^[\x20-\x7e]+\n$/);
    if (write === jsonLine) assert.equal(JSON.parse(line).userAgent, HOSTILE);
  });

  test(`${name}: no credentials are in a line, wherever a client puts them`, () => {
    const headers = [
      ...[
        'Authorization',
        'Bearer s3cret',
        'Cookie',
        'sid=s3cret',
        'X-Api-Key',
        's3cret',
        'Proxy-Authorization',
        's3cret',
      ],
      ...[
        'Sec-WebSocket-Protocol',
        's3cret',
        'Grip-Sig',
        JWT,
        'Referer',
        `http://u:s3cret@h/?who=s3cret&access_token=s3cret#${JWT}`,
      ],
    ];
    const target = `/in/${JWT}?access_token=s3cret&sig=s3cret&x=${JWT}&who=s3cret`;
    const line = (write as AccessLine)(record({ secret: 'who' }, { target, headers }), 'proxy', '192.0.2.1', NOW);
    assert.doesNotMatch(line, /s3cret|eyJ/);
    assert.match(line, /redacted/);
  });

  test(`${name}: a text of a client is cut, so that a line is bounded`, () => {
    const long = 'x'.repeat(100_000);
    const headers = ['User-Agent', long, 'Referer', long];
    const line = (write as AccessLine)(record({}, { target: `/${long}`, authority: long, headers }), 'proxy', '', NOW);
    assert.ok(line.length < 5 * 2_100, `${line.length} characters`);
  });
}
