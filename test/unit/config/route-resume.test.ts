import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, formatConfig, loadConfig } from '../../../src/config/index.ts';

const ROUTE = '[[route]]\nhost = "*"\ntargets = ["localhost:1"]\n';

/** The table of a route with these lines in `[route.resume]`. */
function read(lines: string, route = '') {
  return loadConfig(`${ROUTE}${route}[route.resume]\n${lines}`, 'a.toml').routes[0]?.resume;
}

test('an empty table makes streams resumable, with the defaults', () => {
  const expected = { ttl: 60, maxBytes: 4_194_304, bind: ['Authorization', 'Cookie'], reauthorize: '', shared: false };
  assert.deepEqual(read(''), expected);
  const inline = loadConfig(`${ROUTE}resume = { ttl = 5, bind = ["X-User"] }\n`, 'a.toml').routes[0]?.resume;
  assert.deepEqual(inline, { ...expected, ttl: 5, bind: ['X-User'] });
  assert.equal(loadConfig(ROUTE, 'a.toml').routes[0]?.resume, null);
});

test('a table is written so that it is read back', () => {
  const config = loadConfig(`${ROUTE}[route.resume]\nttl = 1.5\nreauthorize = "https://a/b"\n`, 'a.toml');
  assert.deepEqual(loadConfig(formatConfig(config), 'b.toml'), config);
});

test('keys that are wrong, or have no effect, are refused with their lines', () => {
  for (const [lines, key, message] of [
    ['ttl = 0', 'ttl', 'expected a number of seconds from 1 to 86400, got 0'],
    ['max_bytes = 1000', 'max_bytes', 'expected a whole number of bytes from 65536 to 1073741824, got 1000'],
    ['bind = []', 'bind', 'at least one header is needed; shared = true lets everybody resume who knows an event id'],
    ['bind = ["a b"]', 'bind[0]', 'expected a list of header names, got "a b"'],
    ['reauthorize = "/x"', 'reauthorize', 'expected an http or https URL, got "/x"'],
    ['shared = true\nreauthorize = "http://a/"', 'reauthorize', 'has no effect with shared = true'],
    ['shared = true\nbind = ["X-A"]', 'bind', 'has no effect with shared = true'],
  ] as const) {
    assert.throws(
      () => read(lines),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const [issue] = error.issues;
        assert.deepEqual([issue?.key, issue?.message], [`route[0].resume.${key}`, message]);
        assert.equal(issue?.line, 4 + lines.split('\n').length);
        return true;
      },
    );
  }
  assert.throws(() => read('', 'proto = "ws"\n'), /resume: has no effect on WebSockets/);
  assert.throws(() => read('max_byte = 1'), /unknown key.*max_bytes/);
  assert.throws(() => loadConfig('routes = 1', 'a.toml'));
});
