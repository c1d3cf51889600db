import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, parseRouteLine } from '../../../src/config/index.ts';

function fromToml(toml: string) {
  return loadConfig(`[[route]]\n${toml}`, '').routes[0];
}

test('a route line is read as the same route in TOML', () => {
  assert.deepEqual(parseRouteLine('* localhost:8000'), fromToml('host = "*"\ntargets = ["localhost:8000"]'));
  assert.deepEqual(
    parseRouteLine(
      'Example.com,proto=http,ssl=no,path_beg=/a,id=x,sig_iss=me,sig_key=base64:AAAA,prefix=p-,orig_headers,as_host=b:1,' +
        'path_rem=2,debug,no_grip,header=X-A:1,"header=X-B: b c",header=X-C: a:1,host=b [::1]:2',
    ),
    fromToml(`host = "example.com"
proto = "http"
ssl = false
path_beg = "/a"
id = "x"
sig_iss = "me"
sig_key = "base64:AAAA"
prefix = "p-"
orig_headers = true
as_host = "b:1"
path_rem = 2
debug = true
no_grip = true
header = { X-A = "1", X-B = "b c", X-C = "" }
targets = ["a:1,host=b", "[::1]:2"]`),
  );
  assert.equal(parseRouteLine('*,ssl=yes,proto=ws,replace_beg=,path_beg=/a/ a:1').replaceBeg, '');
});

test('a route without a host is selected by its id', () => {
  for (const line of ['id=x a:1', ',id=x a:1', '"",id=x a:1']) {
    const { host, id } = parseRouteLine(line);
    assert.deepEqual({ host, id }, { host: '', id: 'x' });
  }
});

test('each error is named with its key', () => {
  const cases: [string, string][] = [
    ['', 'expected a condition and at least one target, such as "* localhost:8000"'],
    ['# a b', 'expected a condition and at least one target, such as "* localhost:8000"'],
    ['localhost:8000', 'expected a condition and at least one target, such as "* localhost:8000"'],
    ['*, a:1', 'a comma must be followed by a property'],
    ['* localhost', 'targets[0]: the port is missing: expected "localhost:PORT"'],
    ['* a:1 b', 'targets[1]: the port is missing: expected "b:PORT"'],
    ['* a:1,path_beg=/b', 'targets[0]: "path_beg" belongs to the condition: write it before the first target'],
    ['*,host=b a:1', 'host: the host comes first, without a name; to send the origin another Host, use as_host'],
    ['*,untrusted a:1', 'untrusted: belongs to a target: write it after the address'],
    ['*,targets=b:1 a:1', 'targets: unknown property'],
    ['*,path_beg a:1', 'path_beg: needs a value, as in "path_beg=…"'],
    ['*,path_beg= a:1', 'path_beg: needs a value, as in "path_beg=…"'],
    ['*,id=,replace_beg a:1', 'id: needs a value, as in "id=…"\nreplace_beg: needs a value, as in "replace_beg=…"'],
    ['*,debug=no a:1', 'debug: is a switch and takes no value: write "debug" to turn it on, or leave it out'],
    ['*,debug,debug a:1', 'debug: is given twice'],
    ['*,ssl=true a:1', 'ssl: expected yes or no, got "true"'],
    ['*,path_rem=x a:1', 'path_rem: expected a whole number from 0 to 8192, got "x"'],
    ['*,path_rem=99999 a:1', 'path_rem: expected a whole number from 0 to 8192, got 99999'],
    ['*,header=X a:1', 'header: expected "header=NAME:VALUE"'],
    ['*,header a:1', 'header: expected "header=NAME:VALUE"'],
    ['*,header=X:1,header=X:2 a:1', 'header.X: is given twice'],
    ['*,header=X:1,header=x:2 a:1', 'header.x: is given twice'],
    ['*,header=:1 a:1', 'header."": is not a valid field name'],
    ['*,header=__proto__:1,header=__proto__:2 a:1', 'header.__proto__: is given twice'],
    [',debug a:1', 'host: a route without a host needs an id'],
    ['*,replace_beg=/,path_rem=1 a:1', 'replace_beg: cannot be used together with path_rem'],
    ['*,sockjs_as_path=/s a:1', 'sockjs_as_path: has no effect without sockjs'],
  ];
  for (const [line, message] of cases) assert.throws(() => parseRouteLine(line), { name: 'ConfigError', message });
});

test('all errors of a line are reported at once', () => {
  assert.throws(() => parseRouteLine('*,pathbeg=/x,ssl=maybe,sub=a localhost a:0'), {
    message: [
      'pathbeg: unknown property; did you mean "path_beg"?',
      'ssl: expected yes or no, got "maybe"',
      'sub: belongs to a target: write it after the address',
      'targets[0]: the port is missing: expected "localhost:PORT"',
      'targets[1]: "0" is not a port: expected a whole number from 1 to 65535',
    ].join('\n'),
  });
});

test('log_level is one of the four levels by its number', () => {
  const levels = ['0', '1', '2', '3', '99'].map((level) => parseRouteLine(`*,log_level=${level} a:1`).logLevel);
  assert.deepEqual(levels, ['error', 'warn', 'info', 'debug', 'debug']);
  assert.equal(parseRouteLine('* a:1').logLevel, 'debug');
  assert.throws(() => parseRouteLine('*,log_level=loud a:1'), {
    message: 'log_level: expected "error", "warn", "info" or "debug", got "loud"',
  });
});

test('the properties of JSONP are checked', () => {
  const { aco, jsonpMode, jsonpCb } = parseRouteLine('*,aco,jsonp_mode=basic,jsonp_cb=c,jsonp_defcb=a.b[0] a:1');
  assert.deepEqual([aco, jsonpMode, jsonpCb], [true, 'basic', 'c']);
  const wrong: [string, RegExp][] = [
    ['jsonp_mode=simple', /expected "extended" or "basic"/],
    ['jsonp_defcb=alert(1)', /expected a name in JavaScript/],
    ['jsonp_defmethod="A B"', /expected a method/],
    ['aco=yes', /is a switch/],
  ];
  for (const [property, message] of wrong) assert.throws(() => parseRouteLine(`*,${property} a:1`), { message });
});

test('likely misnomers get a suggestion', () => {
  const guesses: [string, RegExp][] = [
    ['grip=off', /did you mean "no_grip"/],
    ['path=/x', /did you mean "path_beg"/],
    ['pathbeg=/x', /did you mean "path_beg"/],
    ['tls=yes', /did you mean "ssl"/],
    ['cors', /did you mean "aco"/],
    ['jsonp', /did you mean "aco"/],
    ['aorigin', /did you mean "aco"/],
    ['subscribe=x', /unknown property/],
    ['ws-over-http', /unknown property/],
  ];
  for (const [property, message] of guesses) assert.throws(() => parseRouteLine(`*,${property} a:1`), { message });
});

test('no message shows a key', () => {
  for (const property of [
    'sig_key="base64:hun!ter2"',
    'sig_key="hun\\nter2"',
    'header="hun!ter2"',
    'header="A:hun!ter2\u0001"',
  ]) {
    assert.throws(
      () => parseRouteLine(`*,${property} a:1`),
      (error) => error instanceof Error && !error.message.includes('hun!ter2'),
    );
  }
});
