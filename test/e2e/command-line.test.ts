import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultConfig, loadConfig, mergeCommandLine } from '../../src/config/index.ts';
import { holdfast, LAUNCHER } from '../support/holdfast.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const COMMANDS = ['run', 'publish', 'check', 'demo'];

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
] as const) {
  test(`holdfast ${args.join(' ')} is wrong usage`, async (t) => {
    assert.deepEqual(await holdfast(t, args), { code: 2, stdout: '', stderr: message });
  });
}

test('output that nobody reads to its end is no cause for complaints', async (t) => {
  const { code, stderr } = await new Program(t, 'sh', ['-c', '"$@" | true', 'sh', LAUNCHER, 'run', '--help']).ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

for (const command of ['run', 'check']) {
  test(`${command} reports all that is wrong in a file, with its lines`, async (t) => {
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
    assert.match(stderr, /^error: cannot read the configuration: ENOENT: [^\n]*'none\.toml'\n$/);
  });

  test(`${command} refuses a configuration without routes, and says how to give one`, async (t) => {
    const { code, stdout, stderr } = await holdfast(t, [command]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^error: there are no routes, [^\n]* --route '\* localhost:8000', [^\n]*holdfast\.toml\n$/);
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

test('check refuses a key that run could not use', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[proxy]\nsig_key = "file:none.key"\n' });
  const { code, stdout, stderr } = await holdfast(t, ['check', '--route', '* a:1'], { cwd });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^error: [^\n]*none\.key[^\n]*\n$/);
});

test('check shows no secrets', async (t) => {
  const cwd = temporaryFolder(t, { 'other.toml': '[proxy]\nsig_key = "topsecret"\n' });
  const { code, stdout } = await holdfast(t, ['check', '--config', 'other.toml', '--route', '* a:1'], { cwd });
  assert.equal(code, 0);
  assert.match(stdout, /^sig_key = "\(set\)"$/m);
  assert.doesNotMatch(stdout, /topsecret/);
});
