import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPTED_CODINGS } from '../../../src/codec/content/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { FetchAuthority } from '../../../src/fetch/fetch-authority.ts';
import { fetchFields, redirectedFields } from '../../../src/fetch/fetch-fields.ts';

const HERE = new FetchAuthority('http', 'a.example', 0);
const THERE = new FetchAuthority('http', 'b.example', 81);

/** The fields behind Host, one a line. */
function sent(headers: readonly string[], userinfo = '', decompress = false): string {
  return lines(fetchFields(headers, HERE, userinfo, decompress));
}

function lines(fields: readonly string[]): string {
  assert.equal(fields[0], 'Host');
  let text = '';
  for (let i = 2; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\n`;
  return text;
}

function assertInvalid(act: () => void, detail: RegExp): void {
  assert.throws(
    act,
    (error) => error instanceof ExchangeError && error.code === 'HF_FETCH_INVALID' && detail.test(error.detail),
  );
}

test('Fields are sent in their order and case, repeated ones too', () => {
  const headers = ['x-A', '1', 'X-b', '2', 'x-a', '3', 'User-Agent', 'me', 'Accept-Encoding', 'br', 'X-Empty', ''];
  assert.equal(sent(headers), 'x-A: 1\nX-b: 2\nx-a: 3\nUser-Agent: me\nAccept-Encoding: br\nX-Empty: \n');
  assert.equal(sent([]), '');
});

test('Host comes first and is always that of the URI', () => {
  for (const headers of [[], ['Host', 'a.example'], ['X', '1', 'host', 'evil.example'], ['HOST', 'x', 'Host', 'y']]) {
    const fields = fetchFields(headers, THERE, '', false);
    assert.deepEqual(fields.slice(0, 2), ['Host', 'b.example:81']);
    assert.equal(fields.filter((name) => name.toLowerCase() === 'host').length, 1);
  }
});

for (const name of [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Proxy-Anything',
  'Proxy-X',
  'Proxy-Abcd',
  'Proxy-Abcdefghijk',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
  'Expect',
  'Content-Length',
  'Host',
]) {
  test(`${name} cannot be set by the requester, in any case`, () => {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      assert.equal(sent(['X-A', '1', spelled, '100-continue', 'X-B', '2']), 'X-A: 1\nX-B: 2\n');
    }
  });
}

test('Fields that Connection names are not sent', () => {
  const headers = [
    'X-Hop',
    '1',
    'x-hop',
    '2',
    'Connection',
    'close, X-HOP',
    'X-A',
    '3',
    'connection',
    'x-b',
    'X-B',
    '4',
  ];
  assert.equal(sent(headers), 'X-A: 3\n');
  assert.equal(sent(['Connection', 'keep-alive', 'X-A', '1', 'connection', 'Close']), 'X-A: 1\n');
});

test('Fields whose names only resemble connection fields are sent', () => {
  const headers = ['Connection-X', '1', 'X-Connection', '2', 'Proxy', '3', 'Tea', '4', 'Content-Lengths', '5'];
  assert.equal(sent(headers), 'Connection-X: 1\nX-Connection: 2\nProxy: 3\nTea: 4\nContent-Lengths: 5\n');
});

test('The content coding of a request stays with its body', () => {
  assert.equal(
    sent(['Content-Encoding', 'gzip', 'Content-Type', 'a/b']),
    'Content-Encoding: gzip\nContent-Type: a/b\n',
  );
});

for (const [what, headers, detail] of [
  ['an empty name', ['', 'a'], /^invalid header name/],
  ['a name with a space', ['X A', 'a'], /^invalid header name/],
  ['a name with a colon', ['X:', 'a'], /^invalid header name/],
  ['a name with a line end', ['X\r\nY', 'a'], /^invalid header name/],
  ['a space before the colon', ['Transfer-Encoding ', 'chunked'], /^invalid header name/],
  ['a name that is not ASCII', ['X\xe9', 'a'], /^invalid header name/],
  ['a name over U+00FF', ['X\u0150', 'a'], /^invalid header name/],
  ['a value with a line end', ['X', 'a\r\nY: b'], /^invalid value of header X/],
  ['a value with a bare line feed', ['X', 'a\nY: b'], /^invalid value of header X/],
  ['a value with a zero byte', ['X', 'a\0'], /^invalid value of header X/],
  ['a value over U+00FF', ['X', '\u0150'], /^invalid value of header X/],
  ['such a value of a field that is not sent', ['Connection', 'a\r\nb'], /^invalid value of header Connection/],
] as const) {
  test(`A header with ${what} makes the request invalid`, () => {
    assertInvalid(() => sent([...headers]), detail);
  });
}

test('Values may have tabs and bytes over ASCII', () => {
  assert.equal(sent(['X', 'a\tb \xe9']), 'X: a\tb \xe9\n');
});

for (const [userinfo, credentials] of [
  ['user:pass', 'user:pass'],
  ['user', 'user:'],
  ['user:', 'user:'],
  [':pass', ':pass'],
  [':', ':'],
  ['user:pa:ss', 'user:pa:ss'],
  ['user:pa%3Ass', 'user:pa:ss'],
  ['us%65r:p%40ss%25', 'user:p@ss%'],
  ['%C3%bc:%e2%82%ac', 'ü:€'],
  ['a+b:c d'.replace(' ', '%20'), 'a+b:c d'],
] as const) {
  test(`Userinfo ${userinfo} becomes Basic credentials`, () => {
    assert.equal(sent([], userinfo), `Authorization: Basic ${Buffer.from(credentials).toString('base64')}\n`);
  });
}

test('An Authorization field overrides userinfo', () => {
  assert.equal(sent(['authorization', 'Bearer x'], 'user:pass'), 'authorization: Bearer x\n');
});

test('An Authorization field that Connection names does not count', () => {
  const basic = `Authorization: Basic ${Buffer.from('user:').toString('base64')}\n`;
  assert.equal(sent(['Authorization', 'Bearer x', 'Connection', 'authorization'], 'user'), basic);
});

for (const userinfo of [
  'us%3Aer:pass',
  'user:%0d%0a',
  'user:%00',
  'user:%7F',
  'user:%',
  'user:%4',
  'user:%zz',
  '%+1:a',
]) {
  test(`Userinfo ${userinfo} makes no credentials`, () => {
    assertInvalid(() => sent([], userinfo), /userinfo of the URI|user name of the URI/);
  });
}

test('decompress replaces Accept-Encoding by the codings that can be decoded', () => {
  const asked = `Accept: */*\nAccept-Encoding: ${ACCEPTED_CODINGS}\n`;
  assert.equal(sent([], '', true), asked);
  assert.equal(sent(['accept-encoding', 'zstd', 'ACCEPT-ENCODING', 'identity'], '', true), asked);
  assert.equal(sent(['accept', 'a/b'], '', true), `accept: a/b\nAccept-Encoding: ${ACCEPTED_CODINGS}\n`);
});

test('With decompress a range is requested without a coding', () => {
  assert.equal(
    sent(['Range', 'bytes=1-', 'Accept-Encoding', 'br'], '', true),
    'Range: bytes=1-\nAccept: */*\nAccept-Encoding: identity\n',
  );
});

test('A WebSocket ignores decompress', () => {
  const ws = new FetchAuthority('ws', 'a.example', 0);
  assert.equal(lines(fetchFields(['Accept-Encoding', 'br', 'X', '1'], ws, '', true)), 'X: 1\n');
});

const GIVEN = [
  ...['Host', 'a.example', 'Authorization', 'x', 'Cookie', 'a=b', 'cookie2', 'c', 'X-Key', 'k'],
  ...['Content-Type', 'a/b', 'content-encoding', 'gzip', 'Content-Language', 'en', 'Digest', 'd', 'Last-Modified', 'l'],
  ...['Repr-Digest', 'r', 'Accept', '*/*'],
];

test('A redirect to the same origin keeps all fields, with a new Host', () => {
  const fields = redirectedFields(GIVEN, HERE, true, true);
  assert.deepEqual(fields, GIVEN);
});

test('A redirect to another origin sends no credentials', () => {
  const fields = redirectedFields(GIVEN, THERE, false, true);
  assert.equal(fields[1], 'b.example:81');
  assert.equal(
    lines(fields),
    'X-Key: k\nContent-Type: a/b\ncontent-encoding: gzip\nContent-Language: en\nDigest: d\nLast-Modified: l\nRepr-Digest: r\nAccept: */*\n',
  );
});

test('A redirect without the body sends no fields about it', () => {
  assert.equal(
    lines(redirectedFields(GIVEN, HERE, true, false)),
    'Authorization: x\nCookie: a=b\ncookie2: c\nX-Key: k\nAccept: */*\n',
  );
});
