import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError, formatConfig, issueText, loadConfig, parseMongrel2Conf } from '../../../src/config/index.ts';

const cases = new URL('../../cases/config/mongrel2/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, cases), 'utf8');

test('a site becomes the equivalent holdfast.toml', () => {
  const { config, ignored, unknown } = parseMongrel2Conf(read('site.conf'), 'site.conf', 'all');
  assert.equal(formatConfig(config, { short: true }), read('site.toml'));
  assert.deepEqual(loadConfig(read('site.toml'), 'site.toml'), config);
  assert.deepEqual(
    ignored.map((issue) => issueText('site.conf', issue)),
    ['site.conf:46:23: zeromq.threads: has no effect: there are no threads for ZeroMQ'],
  );
  assert.deepEqual(unknown, []);
});

const document = read('errors.md');
let count = 0;
for (const [, title = '', text = '', kind, expected = ''] of document.matchAll(
  /^## (.+)\n\n```m2sh\n([\s\S]*?)```\n\n```(errors|unknown|ignored)\n([\s\S]*?)\n```$/gm,
)) {
  count++;
  test(`errors.md, ${title}: every ${kind} is named with its place`, () => {
    assert.equal(issuesOf(text, kind as 'errors' | 'unknown' | 'ignored'), expected);
  });
}

test('every case of errors.md is tried', () => {
  assert.equal(count, document.match(/^```m2sh$/gm)?.length);
});

function issuesOf(text: string, kind: 'errors' | 'unknown' | 'ignored'): string {
  try {
    const conf = parseMongrel2Conf(text, 'site.conf', 'all');
    return kind === 'errors' ? '' : conf[kind].map((issue) => issueText('site.conf', issue)).join('\n');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return kind === 'errors' ? error.message : `${kind}, got ${error.message}`;
  }
}

const TWO = `hosts = [Host(name='h' routes={'/': Dir(base='s/')})]
servers = [
  Server(uuid='u1' name='a' default_host='h' port=1 hosts=hosts),
  Server(uuid='u2' name='b' default_host='h' port=1 hosts=hosts error_log_level=9)
]
`;

test('a server is chosen by its uuid or name', () => {
  for (const named of ['u2', 'b']) {
    const { config } = parseMongrel2Conf(TWO, 'two.conf', { named });
    assert.deepEqual(
      config.edge.mongrel2.map(({ uuid }) => uuid),
      ['u2'],
    );
    assert.equal(config.log.level, 'debug');
  }
});

test('of several servers one has to be named', () => {
  const refused = (choice: Parameters<typeof parseMongrel2Conf>[2], message: string) =>
    assert.throws(() => parseMongrel2Conf(TWO, 'two.conf', choice), { name: 'ConfigError', message });
  refused('only', 'two.conf: servers: there are several servers, name one of them by its uuid or name: u1 a, u2 b');
  refused({ named: 'c' }, 'two.conf: servers: there is no server "c", only u1 a, u2 b');
  refused({ named: 'h' }, 'two.conf: servers: several servers have the default_host "h": use the uuid');
  refused(
    'all',
    'two.conf:4:51: Server.port: 0.0.0.0:1 is already used by Server.port in line 3 (0.0.0.0:1): choose another port, or name one server',
  );
});

test('the only server needs no name', () => {
  const one = TWO.replace(/^ {2}Server\(uuid='u1'.*\n/m, '');
  assert.equal(parseMongrel2Conf(one, 'one.conf', 'only').config.edge.mongrel2[0]?.uuid, 'u2');
});

test('texts keep their backslashes, and may contain the other quotes and line ends', () => {
  const site = `servers=[Server(port=1 name='a "b\\' \\\\' hosts=[Host(name="h" routes={'/\\d(\\.)': Dir(base='s/')})])]`;
  const [server] = parseMongrel2Conf(site, 'x', 'only').config.edge.mongrel2;
  assert.equal(server?.name, `a "b\\' \\\\`);
  assert.equal(server?.hosts[0]?.routes[0]?.path, '/\\d(\\.)');
});

test('values may be nested 32 deep', () => {
  const nested = (depth: number) => `servers = ${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.throws(() => parseMongrel2Conf(nested(32), 'x', 'all'), /expected a Server, got a list/);
  assert.throws(() => parseMongrel2Conf(nested(33), 'x', 'all'), /x:1:43: more than 32 values inside each other/);
});
