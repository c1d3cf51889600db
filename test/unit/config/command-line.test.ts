import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig, loadConfig, mergeCommandLine, parseRouteLine } from '../../../src/config/index.ts';

const config = loadConfig('[[route]]\nhost = "a"\ntargets = ["a:1"]\n', '');

test('an empty command line changes nothing', () => {
  assert.deepEqual(mergeCommandLine(config, {}), config);
  assert.deepEqual(mergeCommandLine(config, { port: [], routes: [], logLevel: undefined }), config);
});

test('--port replaces only the addresses for clients', () => {
  const merged = mergeCommandLine(config, { port: ['8080', '[::1]:0'] });
  const listen = [
    { kind: 'tcp', host: null, port: 8080 },
    { kind: 'tcp', host: '::1', port: 0 },
  ];
  assert.deepEqual(merged, { ...config, server: { ...config.server, listen } });
});

test('--control-port replaces the publish addresses, on the loopback interface by default', () => {
  const merged = mergeCommandLine(config, { controlPort: ['5000', '0.0.0.0:5001', 'unix:/c'] });
  const listen = [
    { kind: 'tcp', host: '127.0.0.1', port: 5000 },
    { kind: 'tcp', host: '0.0.0.0', port: 5001 },
    { kind: 'unix', path: '/c', mode: null, user: null, group: null },
  ];
  assert.deepEqual(merged, { ...config, control: { ...config.control, listen } });
});

test('routes replace all routes of the file', () => {
  const merged = mergeCommandLine(config, { routes: ['* b:1', 'c c:1'] });
  assert.deepEqual(merged.routes, [parseRouteLine('* b:1'), parseRouteLine('c c:1')]);
});

test('the log level is replaced', () => {
  assert.equal(mergeCommandLine(config, { logLevel: 'debug' }).log.level, 'debug');
});

test('the given configuration is not changed', () => {
  const before = defaultConfig();
  mergeCommandLine(before, { port: ['1'], routes: ['* b:1'], logLevel: 'warn' });
  assert.deepEqual(before, defaultConfig());
});

test('all errors are reported at once, with the number of the option if there are several', () => {
  assert.throws(
    () => mergeCommandLine(config, { port: ['x'], routes: ['* a:1', '*,pathbeg=/a a', 'b'], logLevel: 'loud' }),
    {
      name: 'ConfigError',
      message: [
        '--port: the port is missing: expected "x:PORT"',
        '--route[1]: pathbeg: unknown property; did you mean "path_beg"?',
        '--route[1]: targets[0]: the port is missing: expected "a:PORT"',
        '--route[2]: expected a condition and at least one target, such as "* localhost:8000"',
        '--log-level: expected "error", "warn", "info" or "debug", got "loud"',
      ].join('\n'),
    },
  );
});

test('conflicts between routes of the command line are reported as in a file', () => {
  assert.throws(() => mergeCommandLine(config, { routes: ['a a:1', '* b:1', 'a b:1'] }), {
    message: '--route[2]: an earlier route has the same condition (host "a", path_beg "", and the same proto and ssl)',
  });
  assert.throws(() => mergeCommandLine(config, { routes: ['a a:1', '*,session b:1'] }), {
    message: /^--route\[1\]: session: needs the service that keeps sessions: state under \[publish\]/,
  });
});

test('--port with proxy-protocol needs trusted proxies', () => {
  const port = ['127.0.0.1:1,proxy-protocol'];
  assert.throws(
    () => mergeCommandLine(defaultConfig(), { port, routes: ['* localhost:1'] }),
    /^ConfigError: --port: "proxy-protocol" needs addresses in trusted_proxies/,
  );
});
