import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultConfig, loadConfig, mergeCommandLine } from '../../src/config/index.ts';
import { holdfast, LAUNCHER } from '../support/holdfast.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const COMMANDS = ['run', 'publish', 'check', 'fetch', 'condure', 'zurl', 'demo'];

const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

for (const command of [[], ...COMMANDS.map((name) => [name])]) {
  const name = ['holdfast', ...command].join(' ');

  test(`${name} --help has an example, and ends with 0`, async (t) => {
    const { code, stdout, stderr } = await holdfast(t, [...command, '--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.ok(stdout.startsWith(`Usage: ${name} [options]`), stdout);
    assert.match(stdout, /\nExample:\n {2}holdfast [^\n]+\n/);
  });

  test(`${name} --version is the version of the package, and ends with 0`, async (t) => {
    const expected = { code: 0, stdout: `${PACKAGE.version}\n`, stderr: '' };
    assert.deepEqual(await holdfast(t, [...command, '--version']), expected);
    assert.deepEqual(await holdfast(t, [...command, '-V']), expected);
  });
}

test('holdfast without a command shows the help, and ends with 2', async (t) => {
  const { code, stdout, stderr } = await holdfast(t, []);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^Usage: holdfast \[options\] \[command\]\n/);
});

for (const [args, message] of [
  [['rnu'], "error: unknown command 'rnu'\n(Did you mean run?)\n"],
  [['--verison'], "error: unknown option '--verison'\n(Did you mean --version?)\n"],
  [['run', '--rout', '* a:1'], "error: unknown option '--rout'\n(Did you mean --route?)\n"],
  [['run', 'more'], "error: too many arguments for 'run'. Expected 0 arguments but got 1.\n"],
  [['run', '--config'], "error: option '--config <file>' argument missing\n"],
  [
    ['run', '--log-level', 'loud'],
    "error: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are error, warn, info, debug.\n",
  ],
  [['run', '--route', '* a'], 'error: --route: targets[0]: the port is missing: expected "a:PORT"\n'],
  [
    ['check', '--route', '*,pathbeg=/ a:1', '--route', '* b', '--port', 'x'],
    [
      'error: --port: the port is missing: expected "x:PORT"',
      'error: --route[0]: pathbeg: unknown property; did you mean "path_beg"?',
      'error: --route[1]: targets[0]: the port is missing: expected "b:PORT"\n',
    ].join('\n'),
  ],
  [['condure', '--lisen', '80'], "error: unknown option '--lisen'\n(Did you mean --listen?)\n"],
  [['condure', '80'], "error: too many arguments for 'condure'. Expected 0 arguments but got 1.\n"],
  [['condure', '--workers'], "error: option '--workers <n>' argument missing\n"],
  [['zurl', '--confg=x'], "error: unknown option '--confg=x'\n(Did you mean --config?)\n"],
  [['zurl', 'x'], "error: too many arguments for 'zurl'. Expected 0 arguments but got 1.\n"],
  [['fetch'], "error: missing required argument 'url'\n"],
  [['fetch', 'ftp://a/'], 'error: unsupported scheme "ftp": expected http, https, ws or wss\n'],
  [['fetch', '--endpoint', 'ipc://a', 'ws://a/'], 'error: a WebSocket needs stream mode: use --stream\n'],
  [['fetch', '-d', 'x', 'ws://a/'], 'error: a WebSocket is opened without --data\n'],
  [
    ['fetch', '--endpoint', 'ipc://a', '--stream', 'ipc://b', 'a'],
    "error: option '--endpoint <spec>' cannot be used with option '--stream <base>'\n",
  ],
  [
    ['fetch', '--config', 'f', '--stream', 'ipc://b', 'a'],
    "error: option '--config <file>' cannot be used with option '--stream <base>'\n",
  ],
  [
    ['fetch', '--timeout', '0', 'a'],
    "error: option '--timeout <seconds>' argument '0' is invalid. Expected a number of seconds above 0.\n",
  ],
  [
    ['fetch', '-H', 'X', 'a'],
    "error: option '-H, --header <name:value>' argument 'X' is invalid. Expected NAME:VALUE.\n",
  ],
  [
    ['fetch', '--connect-host', 'b', 'a'],
    "error: option '--connect-host <host:port>' argument 'b' is invalid. The port is missing: expected \"b:PORT\".\n",
  ],
  [
    ['fetch', '--stream', 'b', 'a'],
    'error: option \'--stream <base>\' argument \'b\' is invalid. Expected "ipc://PATH" or "tcp://HOST:PORT", with PORT up to 65533, got "b".\n',
  ],
] as const) {
  test(`holdfast ${args.join(' ')} is wrong usage`, async (t) => {
    assert.deepEqual(await holdfast(t, args), { code: 2, stdout: '', stderr: message });
  });
}

test('output that is not read to its end is not an error', async (t) => {
  const { code, stderr } = await new Program(t, 'sh', ['-c', '"$@" | true', 'sh', LAUNCHER, 'run', '--help']).ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

for (const command of ['run', 'check']) {
  test(`${command} reports all errors of a file, with their lines`, async (t) => {
    const cwd = temporaryFolder(t, { 'holdfast.toml': '[server]\nlisten = ["x"]\nmax_header = 1\n\n[sever]\n' });
    const { code, stdout, stderr } = await holdfast(t, [command], { cwd });
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    const lines = stderr.split('\n');
    assert.equal(lines[0], 'holdfast.toml:2: server.listen[0]: the port is missing: expected "x:PORT"');
    assert.match(lines[1] ?? '', /^holdfast\.toml:3: server\.max_header: .*did you mean "max_headers"\?$/);
    assert.match(lines[2] ?? '', /^holdfast\.toml:5: sever: .*did you mean "server"\?$/);
    assert.deepEqual(lines.slice(3), ['']);
  });

  test(`${command} refuses a file that is not there`, async (t) => {
    const { code, stdout, stderr } = await holdfast(t, [command, '--config', 'none.toml']);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^error: cannot read the configuration none\.toml: no such file or directory\n$/);
  });

  test(`${command} refuses a folder as configuration`, async (t) => {
    const { stderr } = await holdfast(t, [command, '--config', '.']);
    assert.equal(stderr, 'error: cannot read the configuration .: is a directory\n');
  });

  test(`${command} refuses a configuration without routes, and says how to give one`, async (t) => {
    const { code, stdout, stderr } = await holdfast(t, [command]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^error: there are no routes: [^\n]* --route '\* localhost:8000', [^\n]*holdfast\.toml\n$/);
  });
}

test('check prints the effective configuration, as a file that means the same', async (t) => {
  const commandLine = { port: ['[::1]:80'], routes: ['a.example,path_beg=/x a:1 b:2', '* c:3'], logLevel: 'warn' };
  const options = [
    '--port',
    '[::1]:80',
    ...commandLine.routes.flatMap((line) => ['--route', line]),
    '--log-level',
    'warn',
  ];
  const { code, stdout, stderr } = await holdfast(t, ['check', ...options]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(loadConfig(stdout, ''), mergeCommandLine(defaultConfig(), commandLine));
});

test('check refuses keys that run could not use, with their lines', async (t) => {
  const toml =
    '[proxy]\nsig_key = "file:none.key"\n[[route]]\nhost = "*"\ntargets = ["a:1"]\nsig_key = "file:other.key"\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  const missing = (key: string) => `cannot read key file "${key}": no such file or directory\n`;
  assert.deepEqual(await holdfast(t, ['check'], { cwd }), {
    code: 1,
    stdout: '',
    stderr: `holdfast.toml:2: proxy.sig_key: ${missing('none.key')}holdfast.toml:6: route[0].sig_key: ${missing('other.key')}`,
  });
  assert.deepEqual(await holdfast(t, ['check', '--route', '*,sig_key=file:none.key a:1']), {
    code: 1,
    stdout: '',
    stderr: `error: route[0].sig_key: ${missing('none.key')}`,
  });
});

test('check shows no secrets', async (t) => {
  const cwd = temporaryFolder(t, { 'other.toml': '[proxy]\nsig_key = "topsecret"\n' });
  const { code, stdout } = await holdfast(t, ['check', '--config', 'other.toml', '--route', '* a:1'], { cwd });
  assert.equal(code, 0);
  assert.match(stdout, /^# sig_key is set, and not shown$/m);
  assert.doesNotMatch(stdout, /topsecret/);
});

test('a configuration in which only the edge listens needs no routes', async (t) => {
  const toml = 'server.listen = []\n[edge]\nlisten = ["[::1]:80,req"]\nipc_file_mode = "0660"\n';
  const { code, stdout, stderr } = await holdfast(t, ['check'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(loadConfig(stdout, ''), loadConfig(toml, ''));
});

test('check says how to run the edge alone if the proxy has no routes', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[edge]\nlisten = ["80"]\n' });
  const { code, stdout, stderr } = await holdfast(t, ['check'], { cwd });
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(
    stderr,
    /^error: there are no routes: [^\n]*; to run only the edge, set listen = \[\] under \[server\]\n$/,
  );
});

test('check says how to run [fetch] alone if the proxy has no routes', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[fetch]\nreq = ["ipc://r"]\n[edge]\nlisten = ["80"]\n' });
  const { code, stderr } = await holdfast(t, ['check'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /; to run only the edge and outbound requests, set listen = \[\] under \[server\]\n$/);
});

test("condure accepts all of Condure's options, with values after a space or an equals sign", async (t) => {
  const { code, stdout, stderr } = await holdfast(t, [
    ...['condure', '--log-level', '9', '--id=edge', '--workers=2', '--req-maxconn', '2', '--stream-maxconn', '3'],
    ...['--buffer-size=1024', '--body-buffer-size', '10', '--messages-max', '1', '--req-timeout', '1'],
    ...['--stream-timeout=1.5', '--listen', '80', '--listen=/tmp/s,local,req,mode=660', '--zclient-req', 'ipc://r'],
    ...['--zclient-stream', 'ipc://s', '--zclient-stream=tcp://127.0.0.1:5000', '--zclient-connect'],
    ...['--ipc-file-mode', '660', '--tls-identities-dir', '.', '--compression', '--deny-out-internal', '--sizes'],
    ...['--zserver-req', 'ipc://q', '--zserver-stream=ipc://z', '--zserver-stream', 'ipc://y', '--zserver-connect'],
  ]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^stream: 2048 bytes .* 6144 for --stream-maxconn 3$/m);
  assert.match(stdout, /^req: 2068 bytes .* 4136 for --req-maxconn 2$/m);
  assert.match(stdout, /^stream: 132096 bytes .* 396288 for --stream-maxconn 3$/m);
  assert.match(stdout, /^req: 10 bytes .* 20 for --req-maxconn 2$/m);
  assert.match(stdout, /compression/);
});

test('condure accepts options that Condure does not have', async (t) => {
  const { code, stderr } = await holdfast(t, [
    ...['condure', '--backend-timeout', '1', '--session-timeout=2', '--max-headers', '10', '--max-message-bytes', '0'],
    ...['--router-resp', '--drain-timeout', '0', '--sizes'],
  ]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

for (const [args, message] of [
  [['--workers', '0'], '--workers: expected a whole number from 1 to 1024, got 0'],
  [['--workers=1025'], '--workers: expected a whole number from 1 to 1024, got 1025'],
  [['--buffer-size', '1e4'], '--buffer-size: expected a whole number of bytes from 1024 to 16777216, got "1e4"'],
  [['--max-headers', '9.5'], '--max-headers: expected a whole number from 8 to 10000, got 9.5'],
  [['--req-timeout', ''], '--req-timeout: expected a number of seconds from 0.1 to 86400, got ""'],
  [['--log-level', 'debug'], '--log-level: expected a whole number from 0 to 4, got "debug"'],
  [['--id', ''], '--id: expected 1 to 64 bytes of text without white space and control characters, got ""'],
  [['--ipc-file-mode', '888'], '--ipc-file-mode: expected mode as an octal number from 0 to 777, got "888"'],
  [['--listen', '80,steam'], '--listen: unknown parameter "steam"; did you mean "stream"?'],
  [
    ['--zclient-stream', 'tcp://a:65534'],
    '--zclient-stream: the port of "tcp://a:65534" must be at most 65533, to leave room for the next two',
  ],
  [['--zserver-req=a'], '--zserver-req: expected "ipc://PATH" or "tcp://HOST:PORT", got "a"'],
  [['--zserver-stream', 'tcp://a:0'], '--zserver-stream: a base needs a fixed port, got "tcp://a:0"'],
  [['--zserver-connect'], '--zserver-connect: needs --zserver-req or --zserver-stream'],
] as const) {
  test(`condure ${args.join(' ')} is refused with the name of the option and what was expected`, async (t) => {
    const expected = { code: 1, stdout: '', stderr: `error: ${message}\n` };
    assert.deepEqual(await holdfast(t, ['condure', ...args]), expected);
  });
}
