import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { AuthorityCache } from '../../../src/fetch/authority-cache.ts';
import { MAX_URI, parseFetchUri, resolveLocation } from '../../../src/fetch/fetch-uri.ts';

/** `scheme host port target [userinfo]` of what was read. */
function read(uri: string): string {
  const { authority, target, userinfo } = parseFetchUri(uri);
  const { scheme, host, port } = authority;
  return [scheme, host, port, target, ...(userinfo === '' ? [] : [userinfo])].join(' ');
}

function assertRefused(uri: string, detail: RegExp): void {
  assert.throws(
    () => parseFetchUri(uri),
    (error) => error instanceof ExchangeError && error.code === 'HF_FETCH_INVALID' && detail.test(error.detail),
    uri,
  );
}

/** Latin1 text of the UTF-8 bytes, as it is in packets. */
function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

for (const [uri, expected] of [
  ['http://example.com/', 'http example.com 80 /'],
  ['https://example.com/a/b?c=d', 'https example.com 443 /a/b?c=d'],
  ['ws://example.com/', 'ws example.com 80 /'],
  ['wss://example.com/', 'wss example.com 443 /'],
  ['HtTpS://EXAMPLE.com', 'https example.com 443 /'],
  ['http://example.com?a', 'http example.com 80 /?a'],
  ['http://example.com#a', 'http example.com 80 /'],
  ['http://example.com/a?b#c?d#e', 'http example.com 80 /a?b'],
  ['http://example.com?', 'http example.com 80 /?'],
  ['http://example.com:', 'http example.com 80 /'],
  ['http://example.com:/', 'http example.com 80 /'],
  ['http://example.com:80/', 'http example.com 80 /'],
  ['http://example.com:443/', 'http example.com 443 /'],
  ['http://example.com:00080/', 'http example.com 80 /'],
  ['http://example.com:1/', 'http example.com 1 /'],
  ['http://example.com:65535/', 'http example.com 65535 /'],
  ['http://example.com./', 'http example.com 80 /'],
  ['http://my_host-1.local/', 'http my_host-1.local 80 /'],
  ['http://127.0.0.1:8080/', 'http 127.0.0.1 8080 /'],
  ['http://2130706433/', 'http 127.0.0.1 80 /'],
  ['http://0x7f.1/', 'http 127.0.0.1 80 /'],
  ['http://0177.0.0.01./', 'http 127.0.0.1 80 /'],
  ['http://0/', 'http 0.0.0.0 80 /'],
  ['http://[::1]/', 'http ::1 80 /'],
  ['http://[::1]:8080/', 'http ::1 8080 /'],
  ['http://[::1]?a', 'http ::1 80 /?a'],
  ['http://[0:0::0001]/', 'http ::1 80 /'],
  ['http://[::FFFF:127.0.0.1]/', 'http 127.0.0.1 80 /'],
  ['http://user@example.com/', 'http example.com 80 / user'],
  ['http://user:p%40ss@example.com:81/', 'http example.com 81 / user:p%40ss'],
  ['http://@example.com/', 'http example.com 80 /'],
  ['http://:@example.com/', 'http example.com 80 / :'],
  ['http://example.com/a@b', 'http example.com 80 /a@b'],
  ['http://example.com?a@b:c', 'http example.com 80 /?a@b:c'],
  // As they were given.
  ['http://example.com/a/../b/./c//d', 'http example.com 80 /a/../b/./c//d'],
  ['http://example.com/%2e%2E/%zz%', 'http example.com 80 /%2e%2E/%zz%'],
  ['http://example.com/"<>^`{|}[]~', 'http example.com 80 /"<>^`{|}[]~'],
  ['http://example.com/?a=\\b', 'http example.com 80 /?a=\\b'],
  // Byte by byte.
  ['http://example.com/\xe9?\xff', 'http example.com 80 /%E9?%FF'],
  [bytes('http://example.com/é'), 'http example.com 80 /%C3%A9'],
  [bytes('http://bücher.example/'), 'http xn--bcher-kva.example 80 /'],
  [bytes('http://１２７。０。０。１/'), 'http 127.0.0.1 80 /'],
] as const) {
  test(`${JSON.stringify(uri)} is understood`, () => {
    assert.equal(read(uri), expected);
    // And so when it comes again.
    assert.equal(read(uri), expected);
  });
}

for (const [uri, detail] of [
  ['', /^URI scheme is not http/],
  ['/path', /^URI scheme is not http/],
  ['example.com', /^URI scheme is not http/],
  ['//example.com/', /^URI scheme is not http/],
  ['http:', /^URI scheme is not http/],
  ['http:/example.com/', /^URI scheme is not http/],
  ['http:example.com/', /^URI scheme is not http/],
  ['http:\\\\example.com/', /^URI scheme is not http/],
  [' http://example.com/', /^URI scheme is not http/],
  ['\x00http://example.com/', /^URI scheme is not http/],
  ['ftp://example.com/', /^URI scheme is not http/],
  ['file:///etc/passwd', /^URI scheme is not http/],
  ['gopher://example.com/', /^URI scheme is not http/],
  ['httpss://example.com/', /^URI scheme is not http/],
  ['http://', /host (in|of) the URI/],
  ['http:///path', /host (in|of) the URI/],
  ['http://?a', /host (in|of) the URI/],
  ['http://:80/', /host (in|of) the URI/],
  ['http://user@/', /host (in|of) the URI/],
  ['http://./', /host (in|of) the URI/],
  ['http://1.2.3.256/', /host (in|of) the URI/],
  ['http://1.2.3.4.5/', /host (in|of) the URI/],
  ['http://a.0x7f/', /host (in|of) the URI/],
  ['http://example.com:0/', /port in the URI/],
  ['http://example.com:65536/', /port in the URI/],
  ['http://example.com:000080/', /port in the URI/],
  ['http://example.com:-1/', /port in the URI/],
  ['http://example.com:+80/', /port in the URI/],
  ['http://example.com:8 0/', /port in the URI/],
  ['http://example.com:80:80/', /port in the URI/],
  ['http://example.com:a/', /port in the URI/],
  ['http://::1/', /host (in|of) the URI/],
  ['http://[::1/', /IP literal/],
  ['http://[/', /IP literal/],
  ['http://[::1]a/', /IP literal/],
  ['http://[::1]a:80/', /IP literal/],
  ['http://[::1]80/', /IP literal/],
  ['http://[fe80::1%25eth0]/', /IP literal/],
  ['http://[fe80::1%eth0]/', /IP literal/],
  ['http://[v1.a]/', /IP literal/],
  ['http://[]/', /host (in|of) the URI/],
  ['http://[::1::2]/', /host (in|of) the URI/],
  ['http://[::1]]/', /IP literal/],
  ['http://a b/', /^invalid character in the host/],
  ['http://exa%6dple.com/', /^invalid character in the host/],
  ['http://example.com%00.evil/', /^invalid character in the host/],
  ['http://exam\tple.com/', /^invalid character in the host/],
  ['http://example.com\r\n/', /^invalid character in the host/],
  ['http://example.com\\/', /^invalid character in the host/],
  ['http://a,b/', /^invalid character in the host/],
  ['http://a;b/', /^invalid character in the host/],
  ['http://a*/', /^invalid character in the host/],
  ['http://\xff\xfe/', /not UTF-8$/],
  ['http://b\xfccher.example/', /not UTF-8$/],
  ['http://b\u0150.example/', /not UTF-8$/],
  ['http://example.com/\u0150', /^character above U\+00FF/],
  ['http://good\\@evil/', /^userinfo/],
  ['http://good\\@evil@bad/', /more than one @/],
  ['http://a@b@c/', /more than one @/],
  ['http://a b@c/', /^userinfo/],
  ['http://\xe9@c/', /^userinfo/],
  ['http://example.com/a b', /^white space/],
  ['http://example.com/?a b', /^white space/],
  ['http://example.com/ ', /^white space/],
  ['http://example.com/a\tb', /^white space/],
  ['http://example.com/a\r\nX: y', /^white space/],
  ['http://example.com/\x00', /^white space/],
  ['http://example.com/\x7f', /^white space/],
  ['http://example.com/a\\b', /^backslash/],
] as const) {
  test(`${JSON.stringify(uri)} is refused`, () => assertRefused(uri, detail));
}

test('A fragment may have any characters, as it is not sent', () => {
  assert.equal(read('http://example.com/#a b\\c\r\n\u0150'), 'http example.com 80 /');
});

test('The length of a URI is limited', () => {
  const uri = 'http://example.com/'.padEnd(MAX_URI, 'a');
  assert.equal(parseFetchUri(uri).target.length, MAX_URI - 'http://example.com'.length);
  assertRefused(`${uri}a`, /^URI is longer than 65536 bytes$/);
});

test('A host that is too long is refused', () => {
  const label = 'a'.repeat(49);
  assert.equal(parseFetchUri(`http://${`${label}.`.repeat(5)}abc/`).authority.host.length, 253);
  assertRefused(`http://${`${label}.`.repeat(5)}abcd/`, /host (in|of) the URI/);
});

test('URIs with the same authority share it in any spelling', () => {
  const { authority } = parseFetchUri('http://example.com/a');
  assert.equal(parseFetchUri('http://user@example.com/b').authority, authority);
  for (const same of ['http://EXAMPLE.com', 'http://example.com:80', 'http://example.com.', 'HTTP://example.com']) {
    assert.ok(parseFetchUri(same).authority.equals(authority), same);
  }
  for (const other of ['https://example.com', 'http://example.com:81', 'http://www.example.com', 'ws://example.com']) {
    assert.ok(!parseFetchUri(other).authority.equals(authority), other);
  }
});

test("The Host field has a port if it is not the scheme's default", () => {
  for (const [uri, text] of [
    ['http://example.com:80', 'example.com'],
    ['https://example.com:443', 'example.com'],
    ['http://example.com:443', 'example.com:443'],
    ['wss://example.com:80', 'example.com:80'],
    ['http://[::1]', '[::1]'],
    ['http://[::1]:81', '[::1]:81'],
  ] as const) {
    assert.equal(parseFetchUri(uri).authority.text, text);
  }
});

test('Authorities are remembered up to a limit, and the scheme is part of them', () => {
  const cache = new AuthorityCache(3);
  const first = cache.get('http', 'a.example');
  assert.equal(cache.get('http', 'a.example'), first);
  assert.notEqual(cache.get('https', 'a.example'), first);
  cache.get('http', 'b.example');
  assert.equal(cache.size, 3);
  assert.equal(cache.get('http', 'a.example'), first);
  cache.get('http', 'c.example');
  assert.equal(cache.size, 1);
  const again = cache.get('http', 'a.example');
  assert.notEqual(again, first);
  assert.ok(again.equals(first));
  assert.equal(cache.size, 2);
});

test('An invalid authority is not remembered', () => {
  const cache = new AuthorityCache(3);
  for (const text of ['', 'a b', 'a:0']) assert.throws(() => cache.get('http', text), ExchangeError);
  assert.equal(cache.size, 0);
});

/** The examples of RFC 3986 §5.4, for the base `http://a/b/c/d;p?q`; null where the reference names no place that can be fetched. */
const REFERENCES: readonly (readonly [string, string | null])[] = [
  ['g:h', null],
  ['g', '/b/c/g'],
  ['./g', '/b/c/g'],
  ['g/', '/b/c/g/'],
  ['/g', '/g'],
  ['//g', '//g/'],
  ['?y', '/b/c/d;p?y'],
  ['g?y', '/b/c/g?y'],
  ['#s', '/b/c/d;p?q'],
  ['g#s', '/b/c/g'],
  ['g?y#s', '/b/c/g?y'],
  [';x', '/b/c/;x'],
  ['g;x', '/b/c/g;x'],
  ['g;x?y#s', '/b/c/g;x?y'],
  ['.', '/b/c/'],
  ['./', '/b/c/'],
  ['..', '/b/'],
  ['../', '/b/'],
  ['../g', '/b/g'],
  ['../..', '/'],
  ['../../', '/'],
  ['../../g', '/g'],
  ['../../../g', '/g'],
  ['../../../../g', '/g'],
  ['/./g', '/g'],
  ['/../g', '/g'],
  ['g.', '/b/c/g.'],
  ['.g', '/b/c/.g'],
  ['g..', '/b/c/g..'],
  ['..g', '/b/c/..g'],
  ['./../g', '/b/g'],
  ['./g/.', '/b/c/g/'],
  ['g/./h', '/b/c/g/h'],
  ['g/../h', '/b/c/h'],
  ['g;x=1/./y', '/b/c/g;x=1/y'],
  ['g;x=1/../y', '/b/c/y'],
  ['g?y/./x', '/b/c/g?y/./x'],
  ['g?y/../x', '/b/c/g?y/../x'],
  ['g#s/../x', '/b/c/g'],
  ['http:g', null],
];

test('A Location is resolved as RFC 3986 says', () => {
  const base = parseFetchUri('http://a/b/c/d;p?q');
  for (const [reference, expected] of REFERENCES) {
    const uri = resolveLocation(base, reference);
    const where =
      uri === null ? null : (uri.authority === base.authority ? '' : `//${uri.authority.text}`) + uri.target;
    assert.equal(where, expected, reference);
  }
});

for (const [base, location, expected] of [
  ['http://a/b', 'https://c:8443/d', 'https c 8443 /d'],
  ['https://a/b', '//c/d', 'https c 443 /d'],
  ['http://a/b', 'http://c', 'http c 80 /'],
  ['http://a/b', 'http://c/x/../y', 'http c 80 /y'],
  ['http://a?q', 'x', 'http a 80 /x'],
  ['http://a/b', '?', 'http a 80 /b?'],
  ['http://a/b', 'c d/e f', 'http a 80 /c%20d/e%20f'],
  ['http://a/b', 'c\xe9', 'http a 80 /c%E9'],
  ['http://a/b', bytes('http://bücher.example/ü'), 'http xn--bcher-kva.example 80 /%C3%BC'],
  // Credentials are the requester's to give.
  ['http://u:p@a/b', '/c', 'http a 80 /c'],
  ['http://a/b', 'http://u:p@a/c', 'http a 80 /c'],
  ['http://a/b', '', null],
  ['http://a/b', 'ftp://c/', null],
  ['http://a/b', 'javascript:alert(1)', null],
  ['http://a/b', 'data:text/plain,a', null],
  ['http://a/b', 'ws://c/', null],
  ['http://a/b', 'wss://c/', null],
  ['http://a/b', '/\\c', null],
  ['http://a/b', '\\\\c', null],
  ['http://a/b', '//c\\d/', null],
  ['http://a/b', '///c', null],
  ['http://a/b', '//x y/', null],
  ['http://a/b', '/c\td', null],
  ['http://a/b', 'http://c:0/', null],
  ['http://a/b', 'http://c@d@e/', null],
  ['ws://a/b', '/c', 'ws a 80 /c'],
  ['ws://a/b', 'wss://c/', 'wss c 443 /'],
  ['ws://a/b', 'http://c/d', 'ws c 80 /d'],
  ['ws://a/b', 'HTTPS://c/d', 'wss c 443 /d'],
  ['wss://a/b', '//c/d', 'wss c 443 /d'],
  ['ws://a/b', 'ftp://c/d', null],
] as const) {
  test(`${JSON.stringify(location)} from ${base} leads to ${expected ?? 'an error'}`, () => {
    const uri = resolveLocation(parseFetchUri(base), location);
    if (uri === null || expected === null) {
      assert.equal(uri, expected);
      return;
    }
    const { authority, target, userinfo } = uri;
    assert.equal(`${authority.scheme} ${authority.host} ${authority.port} ${target}`, expected);
    assert.equal(userinfo, '');
  });
}

test('A Location that makes the URI too long is an error', () => {
  const base = parseFetchUri(`http://a/${'b'.repeat(MAX_URI / 2)}/`);
  assert.notEqual(resolveLocation(base, 'c'.repeat(MAX_URI / 2 - 2)), null);
  assert.equal(resolveLocation(base, 'c'.repeat(MAX_URI / 2 - 1)), null);
});
