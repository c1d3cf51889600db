import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, formatConfig, loadConfig } from '../../../src/config/index.ts';

function errorsOf(text: string): string {
  try {
    loadConfig(text, 'f');
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}

const ANN = '[[control.user]]\nname = "ann"\npassword = "p w"\nrole = "admin"\n';

test('callers with a role are read, written and hidden', () => {
  const config = loadConfig(ANN, 'f');
  assert.deepEqual(config.control.user, [{ name: 'ann', password: 'p w', role: 'admin' }]);
  assert.deepEqual(loadConfig(formatConfig(config), 'f'), config);
  const shown = formatConfig(config, { mask: true });
  assert.match(shown, /^# user is set, and not shown$/m);
  assert.ok(!shown.includes('p w'));
  assert.ok(formatConfig(config, { mask: true, short: true }).includes('# user is set'));
  assert.deepEqual(loadConfig(formatConfig(loadConfig('', 'f'), { mask: true }), 'f'), loadConfig('', 'f'));
});

test('callers that cannot be told apart, or have no password or another role, are errors', () => {
  assert.match(errorsOf(ANN + ANN), /^f:6: control\.user\[1\]\.name: this name is used above/m);
  assert.match(
    errorsOf(ANN.replace('"admin"', '"root"')),
    /control\.user\[0\]\.role: expected "read", "publish" or "admin"/,
  );
  assert.match(errorsOf(ANN.replace('"p w"', '""')), /control\.user\[0\]\.password: expected a password/);
  assert.match(errorsOf(ANN.replace('"ann"', '"a:b"')), /control\.user\[0\]\.name: expected a name without ":"/);
  assert.match(errorsOf(ANN.replace('role', 'rolle')), /rolle/);
  assert.match(errorsOf('[control]\nuser = "ann"\n'), /expected tables, each under \[\[control\.user\]\]/);
  assert.ok(!errorsOf(ANN.replace('"p w"', '"sec\\u0007ret"')).includes('ret'));
});
