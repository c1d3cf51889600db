import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, defaultConfig, mergeCommandLine } from '../../../src/config/index.ts';
import { EMPTY_OVERLAY, formatOverlay, parseOverlay, withOverlay } from '../../../src/config/overlay.ts';

const base = (...routes: string[]): Config => mergeCommandLine(defaultConfig(), { routes });
const ids = (config: Config): string[] => config.routes.map(({ id }) => id);

test('a route takes the place of those with its id, a new one comes last, and a removed one is left out', () => {
  const routes = { b: 'b2.example localhost:2', d: 'd.example localhost:3', c: null };
  const files = base('a.example,id=a localhost:1', 'b.example,id=b localhost:1', 'c.example,id=c localhost:1');
  const config = withOverlay(files, { ...EMPTY_OVERLAY, routes }, 'o');
  assert.deepEqual(ids(config), ['a', 'b', 'd']);
  assert.equal(config.routes[1]?.host, 'b2.example');
});

test('keys of sections are those of the overlay', () => {
  const keys = { 'proxy.sig_key': 'one', 'control.bearer_key': 'two', 'proxy.upstream_key': 'three' };
  const { proxy, control } = withOverlay(base(), { ...EMPTY_OVERLAY, keys }, 'o');
  assert.deepEqual([proxy.sigKey, control.bearerKey, proxy.upstreamKey], ['one', 'two', 'three']);
});

test('entries that are wrong, or do not go together with the files, name the overlay and the entry', () => {
  for (const [routes, message] of [
    [{ a: 'nonsense' }, /^o: routes\.a: expected a condition/],
    [{ a: '*,pathbeg=/ localhost:1' }, /^o: routes\.a: pathbeg: .*did you mean "path_beg"/],
    [{ a: 'x.example,id=b localhost:1' }, /^o: routes\.a: id: expected the id "a" or none, got "b"$/],
    [{ a: '* localhost:2' }, /^o: routes\.a: host: an earlier route has the same condition/],
    [{ 'a b': 'x.example localhost:1' }, /^o: routes\."a b": id: expected 1 to 253 printable characters/],
    [{ a: 'x.example,session localhost:1' }, /^o: routes\.a: session: needs the service that keeps sessions/],
  ] as const) {
    assert.throws(() => withOverlay(base('* localhost:1'), { ...EMPTY_OVERLAY, routes }, 'o'), { message });
  }
});

test('a text is read back as it was written, whatever its names are', () => {
  const overlay = {
    ...EMPTY_OVERLAY,
    routes: Object.fromEntries([
      ['__proto__', 'x localhost:1'],
      ['constructor', null],
    ]),
  };
  assert.deepEqual(parseOverlay(formatOverlay(overlay), 'o'), overlay);
});

test('a text that is no overlay is refused, and no message shows a secret', () => {
  for (const [text, message] of [
    ['', 'o: not valid JSON'],
    ['{"keys":{"proxy.sig_key":"secret"', 'o: not valid JSON'],
    ['[]', 'o: expected an object'],
    ['{"route":{}}', 'o: route: unknown key; did you mean "routes"?'],
    ['{"routes":[]}', 'o: routes: expected an object'],
    ['{"routes":{"a":1}}', 'o: routes.a: expected a route line'],
    ['{"certificates":{"a":{"cert":"secret"}}}', 'o: certificates.a: expected an object with cert and key'],
    ['{"keys":{"proxy.sigkey":"secret"}}', 'o: keys."proxy.sigkey": unknown key; did you mean "proxy.sig_key"?'],
    [
      '{"keys":{"server.listen":"secret"}}',
      'o: keys."server.listen": unknown key; expected one of control.bearer_key, proxy.sig_key, proxy.upstream_key',
    ],
    ['{"keys":{"proxy.sig_key":"base64:secret!"}}', 'o: keys."proxy.sig_key": invalid base64 after "base64:"'],
  ] as const) {
    assert.throws(() => parseOverlay(text, 'o'), { message });
  }
});
