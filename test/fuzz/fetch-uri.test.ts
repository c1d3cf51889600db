import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requestHeadText } from '../../src/codec/http1/index.ts';
import { ExchangeError } from '../../src/exchange/index.ts';
import { type FetchUri, MAX_URI, parseFetchUri, resolveLocation } from '../../src/fetch/fetch-uri.ts';
import { canonicalHost } from '../../src/net/index.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 600, numRuns: 20_000 };

const HOSTS = [
  ...['a', 'example.com', 'EXAMPLE.com', 'my_host', 'a-b.example', 'xn--bcher-kva.example', 'localhost', 'a.'],
  ...['127.0.0.1', '127.1', '0x7f.1', '0177.0.0.1', '2130706433', '0', '1.2.3.4.', '1.2.3', '256.1.1.1', '0x.0x.0'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[fe80::1]', '[1:2:3:4:5:6:7:8]', '[::1%25lo]', '[v1.a]', '::1'],
  ...['b\u00fccher.example', '\uff11\uff12\uff17.0.0.1', 'a\u3002b', '\u00ad', 'fa\u00df.de', '\u2488com', 'a\u200db'],
];

const PIECES = [
  ...[
    'http',
    'https',
    'ws',
    'wss',
    'HTTP',
    'ftp',
    '://',
    ':',
    '/',
    '//',
    '\\',
    '\\\\',
    '?',
    '#',
    '@',
    '[',
    ']',
    '%',
    '.',
  ],
  ...['..', '/../', '/./', '%2e', '%2F', '%5c', '%00', '%40', '%3a', ';', '&', '=', '+', '*', '|', '^', '`', '<', '"'],
  ...[' ', '\t', '\r', '\n', '\0', '\x7f', '\u00a0', '\u00e9', '\ufeff', '\ufffd'],
  ...['80', ':80', ':443', ':0', ':65535', ':65536', ':00080', ':+1', 'user', 'user:pass', 'user@', ':@'],
  ...HOSTS,
];

const piece = fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 3 }));
const noise = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

/** A URI that is nearly one. */
const likely = fc
  .tuple(
    fc.constantFrom('http', 'https', 'ws', 'wss', 'hTTp'),
    fc.constantFrom('://', '://', '://', ':/', ':\\\\', ':///'),
    fc.constantFrom('', '', '', 'u@', 'u:p@', '@', 'u@v@', 'u\\@'),
    fc.oneof(
      fc.constantFrom(...HOSTS),
      fc.tuple(fc.constantFrom(...HOSTS), piece).map(([host, more]) => host + more),
    ),
    fc.constantFrom('', '', ':', ':80', ':443', ':8080', ':0', ':99999', ':1:2', ':a'),
    fc.constantFrom('', '/', '?', '#', '\\', '/a/b?c#d', '/%2e%2e/a', '/../a/./b'),
    fc.oneof(fc.constant(''), noise),
  )
  .map((parts) => parts.join(''));

const text = fc.oneof({ weight: 4, arbitrary: likely }, noise);

/** Latin1 text of the UTF-8 bytes, as it is in packets. */
function bytes(characters: string): string {
  return Buffer.from(characters).toString('latin1');
}

/** What `act` returns, or null when it refuses in the way it may. */
function attempt(act: () => FetchUri | null): FetchUri | null {
  try {
    return act();
  } catch (error) {
    assert.ok(error instanceof ExchangeError && error.code === 'HF_FETCH_INVALID', String(error));
    return null;
  }
}

/** Sees that nothing of it can be taken for something else further down. */
function assertSafe({ authority, target, userinfo }: FetchUri): void {
  assert.equal(canonicalHost(authority.host), authority.host);
  assert.ok(Number.isInteger(authority.port) && authority.port >= 1 && authority.port <= 65_535);
  assert.match(authority.text, /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?$/);
  assert.match(target, /^\/[\x21\x22\x24-\x7e]*$/);
  assert.ok(target.length <= 3 * MAX_URI);
  assert.match(userinfo, /^[\x21-\x7e]*$/);
  requestHeadText('GET', target, ['Host', authority.text]);
}

/** As the parser of the WHATWG understands it, without what is not sent; null when it does not. */
function standardUrl(uri: string, base?: string): URL | null {
  try {
    const url = new URL(uri, base);
    url.username = '';
    url.password = '';
    url.hash = '';
    return url;
  } catch {
    return null;
  }
}

/** Sees that both name the same place, and that the path is the same where both understand it in the same way. */
function assertSame(uri: FetchUri, url: URL, comparable: boolean): void {
  const { authority, target } = uri;
  assert.equal(`${authority.scheme}:`, url.protocol);
  assert.equal(canonicalHost(url.hostname), authority.host);
  assert.equal(url.port === '' ? (authority.secure ? 443 : 80) : Number(url.port), authority.port);
  if (!comparable) return;
  // It takes dots out of paths, and encodes more.
  const again = standardUrl(`${authority.scheme}://${authority.text}${target}`);
  assert.equal(again?.pathname, url.pathname);
  assert.equal(again?.search, url.search);
}

describe('URIs', () => {
  test('Any text is a URI that is safe to send, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (input) => {
        for (const uri of [input, bytes(input)]) {
          const read = attempt(() => parseFetchUri(uri));
          if (read !== null) assertSafe(read);
        }
      }),
      BOX,
    );
  });

  test('A valid URI is the same to the WHATWG parser', () => {
    let compared = 0;
    fc.assert(
      fc.property(text, (input) => {
        const read = attempt(() => parseFetchUri(bytes(input)));
        if (read === null) return;
        const url = standardUrl(input);
        assert.notEqual(url, null, input);
        compared++;
        assertSame(read, url as URL, true);
      }),
      BOX,
    );
    assert.ok(compared > 20);
  });

  test('The same URI is read in the same way again', () => {
    fc.assert(
      fc.property(text, (input) => {
        const uri = bytes(input);
        const first = attempt(() => parseFetchUri(uri));
        const second = attempt(() => parseFetchUri(uri));
        assert.deepEqual(
          second && [second.authority.text, second.target, second.userinfo],
          first && [first.authority.text, first.target, first.userinfo],
        );
      }),
      BOX,
    );
  });
});

describe('Locations', () => {
  const BASE = 'http://base.example:81/b/c/d?e';
  const base = parseFetchUri(BASE);

  test('Any Location gives a safe URI or an error', () => {
    fc.assert(
      fc.property(fc.oneof(text, noise, fc.string({ unit: 'binary' })), (input) => {
        for (const location of [input, bytes(input)]) {
          const uri = attempt(() => resolveLocation(base, location));
          if (uri !== null) assertSafe(uri);
        }
      }),
      BOX,
    );
  });

  test('A Location resolves as in the WHATWG parser', () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.oneof(text, noise), (input) => {
        // A field value has no space around it.
        if (input.trim() !== input) return;
        const uri = resolveLocation(base, bytes(input));
        if (uri === null) return;
        const url = standardUrl(input, BASE);
        assert.notEqual(url, null, input);
        compared++;
        // Encoded dots are dots there, and may take another segment away.
        assertSame(uri, url as URL, !/%2e/i.test(input));
      }),
      BOX,
    );
    assert.ok(compared > 20);
  });
});
