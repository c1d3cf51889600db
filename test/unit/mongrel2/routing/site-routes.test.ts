import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mongrel2Host, Mongrel2Target } from '../../../../src/config/index.ts';
import { SiteRoutes } from '../../../../src/mongrel2/routing/index.ts';

function host(name: string, matching: string, paths: readonly string[] = ['/']): Mongrel2Host {
  const target: Mongrel2Target = { kind: 'proxy', host: '127.0.0.1', port: 80 };
  return { name, matching, routes: paths.map((path) => ({ path, target })) };
}

/** Routes of a single host, which takes all requests. */
function routes(...paths: string[]): SiteRoutes {
  return new SiteRoutes([host('main', 'localhost', paths)], 'main');
}

function patternOf(site: SiteRoutes, path: string): string | null {
  return site.find('localhost', path)?.pattern ?? null;
}

function nameOf(site: SiteRoutes, authority: string): string | null {
  return site.find(authority, '/')?.host.name ?? null;
}

describe('paths', () => {
  test('the longest prefix has the request', () => {
    const site = routes('/', '/users', '/users/people/', '/h');
    assert.equal(patternOf(site, '/'), '/');
    assert.equal(patternOf(site, '/us'), '/');
    assert.equal(patternOf(site, '/usersBLAAHAHAH'), '/users');
    assert.equal(patternOf(site, '/users/people/1'), '/users/people/');
    assert.equal(patternOf(site, '/hfoo'), '/h');
    assert.equal(patternOf(site, '/a/users'), '/');
  });

  test('a request that is shorter than a route does not match it', () => {
    const site = routes('/h', '/static/');
    for (const path of ['/', '/s', '/static']) assert.equal(patternOf(site, path), null);
  });

  test('no shorter prefix is tried when the patterns of the longest one do not match', () => {
    const site = routes('/', '/img/(.*).png$', '/img/(.*).jpg$');
    assert.equal(patternOf(site, '/img/foo.jpg'), '/img/(.*).jpg$');
    assert.equal(patternOf(site, '/img/foo.png'), '/img/(.*).png$');
    assert.equal(patternOf(site, '/img/foo.bmp'), null);
    assert.equal(patternOf(site, '/im'), '/');
  });

  test('the patterns of a prefix are tried in their order, and the route without one comes last', () => {
    const site = routes('/a', '/a([0-9])', '/a(.)', '/a()$');
    assert.equal(patternOf(site, '/a1'), '/a([0-9])');
    assert.equal(patternOf(site, '/ab'), '/a(.)');
    assert.equal(patternOf(site, '/a'), '/a()$');
    const plain = routes('/a(x)', '/a');
    assert.equal(patternOf(plain, '/ab'), '/a');
  });

  test('what follows the pattern belongs to it', () => {
    const site = routes('/users/([0-9]+)/mail$');
    assert.equal(patternOf(site, '/users/12/mail'), '/users/([0-9]+)/mail$');
    assert.equal(patternOf(site, '/users/12/mails'), null);
  });

  test('percent-encoding is not decoded, and dots are not resolved', () => {
    const site = routes('/h', '/a/');
    assert.equal(patternOf(site, '/%68'), null);
    assert.equal(patternOf(site, '/a/../h'), '/a/');
    assert.equal(patternOf(site, '//h'), null);
  });

  test('JSON and XML sockets have routes of their own', () => {
    const site = routes('/', '@chat', '<policy', '@');
    assert.equal(patternOf(site, '@chat'), '@chat');
    assert.equal(patternOf(site, '@other'), '@');
    assert.equal(patternOf(site, '<policy-file'), '<policy');
    assert.equal(patternOf(site, '<x'), null);
  });

  test('a route tells its prefix, and is the same object each time', () => {
    const site = routes('/files/(.*)$');
    const found = site.find('localhost', '/files/a');
    assert.equal(found?.prefix, '/files/');
    assert.equal(found?.route.path, '/files/(.*)$');
    assert.equal(site.find('localhost', '/files/b'), found);
  });
});

describe('hosts', () => {
  test('the longest suffix has the request, whatever the case and the port are', () => {
    const site = new SiteRoutes([host('a', 'example.com'), host('b', 'www.Example.com'), host('c', 'com')], '');
    assert.equal(nameOf(site, 'example.com'), 'a');
    assert.equal(nameOf(site, 'EXAMPLE.com:8080'), 'a');
    assert.equal(nameOf(site, 'www.example.com'), 'b');
    assert.equal(nameOf(site, 'ftp.example.com'), 'a');
    assert.equal(nameOf(site, 'notexample.com:'), 'a');
    assert.equal(nameOf(site, 'other.com'), 'c');
    assert.equal(nameOf(site, 'other.org'), null);
  });

  test('a request whose host is shorter than that of the site does not match it', () => {
    const site = new SiteRoutes([host('', 'example.com')], '');
    for (const authority of ['com', 'e', 'xample.com', '']) assert.equal(nameOf(site, authority), null, authority);
  });

  test('a pattern stands for all that comes before the suffix', () => {
    const site = new SiteRoutes([host('a', '(X+)foo'), host('b', '([a-z]+\\.)example.org')], '');
    assert.equal(nameOf(site, 'Xfoo'), 'a');
    assert.equal(nameOf(site, 'xxxFOO'), 'a');
    assert.equal(nameOf(site, 'YYYfoo'), null);
    assert.equal(nameOf(site, 'XXX.stuff.foo'), null);
    assert.equal(nameOf(site, 'foo'), null);
    assert.equal(nameOf(site, 'WWW.example.org'), 'b');
    assert.equal(nameOf(site, 'a.b.example.org'), null);
  });

  test('hosts with the same suffix are tried in turn', () => {
    const site = new SiteRoutes([host('a', '(a.*)x'), host('b', '(b.*)x'), host('c', 'x'), host('d', '(.*)')], '');
    assert.equal(nameOf(site, 'a1x'), 'a');
    assert.equal(nameOf(site, 'b1x'), 'b');
    assert.equal(nameOf(site, 'c1x'), 'c');
    assert.equal(nameOf(site, 'y'), 'd');
  });

  test('the default host takes what no other one matches, and requests without a host', () => {
    const site = new SiteRoutes([host('a', 'a.test'), host('b', 'b.test')], 'b');
    assert.equal(nameOf(site, 'a.test'), 'a');
    assert.equal(nameOf(site, 'c.test'), 'b');
    assert.equal(nameOf(site, ''), 'b');
    assert.equal(nameOf(site, ':80'), 'b');
  });

  test('an IPv6 address is a host with brackets, and its colons are no ports', () => {
    const site = new SiteRoutes([host('six', '[::1]'), host('other', '(.*)')], '');
    assert.equal(nameOf(site, '[::1]'), 'six');
    assert.equal(nameOf(site, '[::1]:8080'), 'six');
    assert.equal(nameOf(site, '[::2]:8080'), 'other');
  });
});

describe('sites that cannot be meant are refused with their place', () => {
  const long = 'a'.repeat(256);
  const REFUSED: readonly (readonly [string, () => SiteRoutes, RegExp])[] = [
    [
      'a default host that is none',
      () => new SiteRoutes([host('a', 'a')], 'b'),
      /^default host "b": expected the name of a host \(a\)$/,
    ],
    [
      'a path twice',
      () => routes('/a', '/a'),
      /^host "main", route "\/a": there is another one that matches the same$/,
    ],
    ['a pattern twice', () => routes('/a(b)', '/a(b)'), /there is another one/],
    [
      'a host twice',
      () => new SiteRoutes([host('a', 'x.y'), host('b', 'X.Y')], ''),
      /^host "b", matching "X.Y": there is another one/,
    ],
    [
      'a path without a slash',
      () => routes('a'),
      /^host "main", route "a": expected a path that begins with \/, @ or <$/,
    ],
    ['a long path', () => routes(`/${long}`), /expected 1 to 255 characters, not 257$/],
    ['a long host', () => new SiteRoutes([host('a', long)], ''), /expected 1 to 255 characters, not 256$/],
    [
      'an empty host',
      () => new SiteRoutes([host('a', '')], ''),
      /^host "a", matching "": expected 1 to 255 characters, not 0$/,
    ],
    [
      'a repeated group',
      () => routes('/a(b*)*'),
      /^host "main", route "\/a\(b\*\)\*": character 7: a group cannot be repeated/,
    ],
    [
      'a set without an end in a host',
      () => new SiteRoutes([host('a', '([a)x')], ''),
      /^host "a", matching "\(\[a\)x": character 2: the set is not closed/,
    ],
  ];
  for (const [title, make, message] of REFUSED) {
    test(title, () => {
      assert.throws(make, { name: 'SiteRouteError', message });
    });
  }
});
