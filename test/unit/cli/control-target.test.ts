import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CliError } from '../../../src/cli/cli-error.ts';
import { controlTarget } from '../../../src/cli/control-target.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function refusal(options: Parameters<typeof controlTarget>[0]): string {
  try {
    controlTarget(options);
    return '';
  } catch (error) {
    assert.ok(error instanceof CliError);
    return error.message;
  }
}

test('the control port is that of the configuration, a unix socket first', (t) => {
  const folder = temporaryFolder(t, {
    'both.toml': '[control]\nlisten = ["127.0.0.1:7", "unix:/run/c?mode=660"]\n',
    'tcp.toml': '[control]\nlisten = ["6000", "127.0.0.1:7"]\n',
    'ipv6.toml': '[control]\nlisten = ["[::]:7"]\n',
    'none.toml': '[control]\nlisten = []\n',
    'default.toml': '',
  });
  const nameFor = (file: string): string => controlTarget({ config: join(folder, file) }).name;
  assert.equal(nameFor('both.toml'), 'unix:/run/c');
  assert.equal(nameFor('tcp.toml'), 'http://127.0.0.1:6000');
  assert.equal(nameFor('ipv6.toml'), 'http://127.0.0.1:7');
  assert.equal(nameFor('default.toml'), 'http://127.0.0.1:5561');
  assert.match(
    refusal({ config: join(folder, 'none.toml') }),
    /has no control port: set listen under \[control\], or give --url/,
  );
});

test('a configuration that cannot be used is no obstacle for whoever names the port', (t) => {
  const config = join(temporaryFolder(t, { 'broken.toml': 'x = ' }), 'broken.toml');
  assert.match(
    refusal({ config }),
    /broken\.toml:1: not valid TOML: .*\nto reach the server all the same, say with --url/,
  );
  assert.equal(refusal({ config, url: 'unix:/run/c' }), '');
});

test('credentials go over https or to this machine only, and not to a unix socket', () => {
  const user = 'ann:p:w';
  assert.equal(controlTarget({ url: 'https://a.example', user }).authorization, 'Basic YW5uOnA6dw==');
  assert.equal(controlTarget({ url: 'http://localhost:1/x', token: 'abc' }).authorization, 'Bearer abc');
  assert.equal(controlTarget({ url: 'unix:/run/c', user }).authorization, null);
  assert.match(refusal({ url: 'http://a.example', user }), /only sent over https/);
  assert.equal(refusal({ url: 'http://a.example' }), '');
});

test('options that cannot be used are refused without showing secrets', () => {
  assert.match(refusal({ url: 'http://ann:hush@localhost' }), /^--url: expected/);
  for (const url of ['', 'localhost:5561', 'ftp://x', 'unix:', 'http://']) assert.match(refusal({ url }), /--url/, url);
  assert.match(refusal({ url: 'http://localhost', user: 'ann', token: 'x' }), /not both/);
  assert.match(refusal({ url: 'http://localhost', user: 'hush' }), /^--user: expected NAME:PASSWORD$/);
  assert.match(refusal({ url: 'http://localhost', token: 'hu sh' }), /^--token: expected a token without spaces$/);
});
