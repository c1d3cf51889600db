import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Config,
  ConfigError,
  formatConfig,
  loadConfig,
  parseListenAddress,
  parseMongrel2Conf,
  parseRouteLine,
  parseZurlConf,
} from '../../src/config/index.ts';
import { routeShape } from '../../src/config/route.ts';
import { sections } from '../../src/config/schema.ts';
import { mutants } from '../support/mutants.ts';
import { fc } from '../support/properties.ts';

const LIMITS = { numRuns: 2000, interruptAfterTimeLimit: 2000 };

/** Runs `read` and lets no error pass but its own. */
function readOrRefuse<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.ok(error.issues.length > 0);
    return null;
  }
}

function assertRoundTrip(config: Config): void {
  assert.deepEqual(loadConfig(formatConfig(config), 'again.toml'), config);
  formatConfig(config, { mask: true });
}

const keys = [routeShape, ...Object.values(sections).map(({ shape }) => shape)].flatMap((shape) => Object.keys(shape));
const words = [
  ...keys,
  ...Object.keys(sections),
  'route',
  'pathbeg',
  'aco',
  '__proto__',
  'over_http',
  'zhttp/a',
  'test',
];

/** Text made of the words and punctuation that the readers know, with noise between them. */
function pieces(...punctuation: string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...punctuation),
    fc.constantFrom(...words),
    fc.constantFrom(
      'localhost',
      'a.b',
      '127.0.0.1',
      '::1',
      '[::1]',
      '8000',
      '0',
      '-0',
      '70000',
      'unix:',
      'true',
      'inf',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 4 }),
  );
  return fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(''));
}

test('any text is a configuration or is refused with a ConfigError', () => {
  const toml = pieces(
    '[',
    ']',
    '[[',
    ']]',
    '=',
    ' = ',
    '\n',
    '\r\n',
    '"',
    '"""',
    "'",
    "'''",
    ',',
    '{',
    '}',
    '.',
    '#',
    '\\',
  );
  fc.assert(
    fc.property(fc.oneof(toml, fc.string({ unit: 'binary' })), (text) => {
      const config = readOrRefuse(() => loadConfig(text, 'fuzz.toml'));
      if (config !== null) assertRoundTrip(config);
    }),
    LIMITS,
  );
});

test('any route line is a route or is refused with a ConfigError, and a route can be written in TOML', () => {
  const line = pieces(' ', '\t', ',', '=', '"', '\\', '#', ':', '*', '/');
  const likely = fc.tuple(
    fc.constantFrom('* ', '*,', 'a,', 'id=x,'),
    line,
    fc.constantFrom(' a:1', ' [::1]:2,host=b', ''),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        line,
        likely.map((parts) => parts.join('')),
      ),
      (text) => {
        const route = readOrRefuse(() => parseRouteLine(text));
        // A route may have a session, which needs the service that keeps it.
        if (route !== null)
          assertRoundTrip({ ...loadConfig('[publish]\nstate = ["tcp://127.0.0.1:1"]', ''), routes: [route] });
      },
    ),
    LIMITS,
  );
});

test('any listen address is read or refused with a ConfigError, and can be written in TOML', () => {
  const address = pieces(':', '[', ']', '*', '?', '&', '=', 'mode=', 'user=', 'group=', '/');
  fc.assert(
    fc.property(
      fc.oneof(
        address,
        address.map((text) => `unix:${text}`),
      ),
      (text) => {
        const listen = readOrRefuse(() => parseListenAddress(text));
        if (listen !== null) {
          const config = loadConfig('', '');
          assertRoundTrip({ ...config, server: { ...config.server, listen: [listen] } });
        }
      },
    ),
    LIMITS,
  );
});

test('any text is a zurl.conf or is refused with a ConfigError, and a valid one can be written in TOML', () => {
  const specs = 'in_req_spec=ipc://r\n';
  const names = ['instance_id', 'in_spec', 'in_stream_spec', 'out_spec', 'allow', 'deny', 'defpolicy', 'allow_ipv6'];
  const line = fc.tuple(
    fc.constantFrom(...names, 'timeout', 'buffer_size', 'ipc_file_mode', 'max_open_requests', 'in_hwm'),
    fc.oneof(pieces('"', ',', ';', '\\', ' ', '\\x'), fc.constantFrom('1', '-1', '0', 'true', 'allow', 'ipc://a')),
  );
  const lines = fc.array(
    line.map(([key, value]) => `${key}=${value}\n`),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces('[', ']', '=', '\n', '"', ',', ';', '\\'),
        lines.map((parts) => parts.join('')),
      ),
      (text) => {
        const conf = readOrRefuse(() => parseZurlConf(specs + text, 'fuzz.conf'));
        if (conf !== null) assertRoundTrip(conf.config);
      },
    ),
    LIMITS,
  );
});

test('values of any type for any key are taken or refused, and what is taken can be written again', () => {
  const values = fc.oneof(
    fc.integer().map(String),
    fc.double({ noNaN: true }).map((value) => String(value).replace(/^(-?)(Infinity)$/, '$1inf')),
    fc.constantFrom(
      'true',
      'false',
      'nan',
      '-0',
      '0',
      '1',
      '20',
      '1000',
      '5000',
      '100000',
      '[]',
      '{}',
      '1979-05-27',
      '[[]]',
    ),
    fc.constantFrom(
      '"*"',
      '"/a"',
      '"a"',
      '"ws"',
      '"proto-only"',
      '"debug"',
      '"base64:AAAA"',
      '"file:k"',
      '[":1"]',
      '["a:1"]',
    ),
    fc.constantFrom('["truncate:3"]', '["append"]', '{ A = "b" }', '{ A = "b", a = "c" }', '{ "" = 1 }'),
    fc.string({ unit: 'binary', maxLength: 10 }).map((text) => JSON.stringify(text)),
  );
  const entries = (shape: object) =>
    fc.dictionary(fc.constantFrom(...Object.keys(shape)), values, { maxKeys: 4 }).map((table) =>
      Object.entries(table)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(''),
    );
  const file = fc
    .tuple(
      ...Object.entries(sections).map(([name, { shape }]) => entries(shape).map((text) => `[${name}]\n${text}`)),
      fc
        .array(entries(routeShape), { maxLength: 3 })
        .map((routes) => routes.map((text) => `[[route]]\n${text}`).join('')),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(file, (text) => {
      const config = readOrRefuse(() => loadConfig(text, 'fuzz.toml'));
      if (config !== null) assertRoundTrip(config);
    }),
    LIMITS,
  );
});

test('valid configurations with every kind of value are written so that they load again', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !/[\p{Cc}\p{Cs}]/u.test(value));
  const quoted = text.map((value) => JSON.stringify(value).replaceAll('\x7f', '\\u007f'));
  const key = quoted.filter((value) => !/^"(file|base64):/.test(value));
  const header = fc
    .uniqueArray(fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,6}$/), { maxLength: 4 })
    .map((names) => `{ ${names.map((name) => `${JSON.stringify(`x-${name}`)} = "v"`).join(', ')} }`);
  const file = fc
    .record({ seconds: fc.double({ min: 0.1, max: 3600, noNaN: true }), quoted, key, header })
    .map(
      (part) =>
        `[server]\nheader_timeout = ${part.seconds}\n[proxy]\nsig_iss = ${part.quoted}\nsig_key = ${part.key}\n` +
        `[[route]]\nhost = "*"\nprefix = ${part.quoted}\nid = ${part.quoted}\nheader = ${part.header}\ntargets = ["a:1"]\n`,
    );
  fc.assert(
    fc.property(file, (toml) => assertRoundTrip(loadConfig(toml, 'valid.toml'))),
    LIMITS,
  );
});

const SITE = readFileSync(new URL('../cases/config/mongrel2/site.conf', import.meta.url));

test('any change of an m2sh configuration is read or refused with a ConfigError, and what is read can be written in TOML', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '',
      '=',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ',',
      ':',
      '"',
      "'",
      '`',
      '\\',
      '#',
      '\n',
      'Host',
      'chat',
      'servers',
      'main',
    ),
    fc.constantFrom(
      'port',
      'ipc://',
      'tcp://',
      '/',
      '..',
      '0',
      '99999999999999999999',
      '__proto__',
      'Server(',
      'Dir(base="x")',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(mutants([{ input: SITE }], piece, 4), (text) => {
      const conf = readOrRefuse(() => parseMongrel2Conf(text, 'fuzz.conf', 'all'));
      if (conf !== null) assertRoundTrip(conf.config);
    }),
    LIMITS,
  );
});
