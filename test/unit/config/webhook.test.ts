import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, formatConfig, loadConfig } from '../../../src/config/index.ts';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const HOOK = `[[webhook]]\nurl = "https://a.test/x"\nsecret = "${SECRET}"\n`;

function load(toml: string) {
  return loadConfig(`[server]\nlisten = ["7999"]\n${toml}`, 'x.toml');
}

function problem(toml: string): string {
  try {
    load(toml);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return assert.fail('no error');
}

test('a webhook has all events of all channels for a day, unless it says otherwise', () => {
  const events = ['join', 'leave', 'occupied', 'vacated'];
  assert.deepEqual(load(HOOK).webhooks, [
    { url: 'https://a.test/x', secret: SECRET, events, match: '>', retryTime: 86_400 },
  ]);
  const [hook] = load(`${HOOK}events = ["join"]\nmatch = "a.*"\nretry_time = 60\n`).webhooks;
  assert.deepEqual([hook?.events, hook?.match, hook?.retryTime], [['join'], 'a.*', 60]);
});

test('what is wrong with a webhook is said, and never the secret', () => {
  assert.match(problem('[[webhook]]\nurl = "https://a.test/"\n'), /webhook\[0\]\.secret: expected "whsec_"/);
  for (const secret of ['whsec_c2hvcnQ=', 'geheim', `whsec_${Buffer.alloc(65).toString('base64')}`, `${SECRET}!`]) {
    const text = problem(`[[webhook]]\nurl = "https://a.test/"\nsecret = "${secret}"\n`);
    assert.match(text, /expected "whsec_" and 24 to 64 bytes in base64/);
    assert.ok(!text.includes(secret));
  }
  assert.match(problem(HOOK.replace('https://a.test/x', 'ftp://a.test')), /expected an http or https URL/);
  assert.match(problem(`${HOOK}events = ["left"]`), /expected a list of "join", "leave", "occupied" and "vacated"/);
  assert.match(problem(`${HOOK}events = []`), /got none/);
  assert.match(problem(`${HOOK}match = "a..b"`), /it has an empty token/);
  assert.match(problem(`${HOOK}match = "chat*"`), /whole tokens/);
  assert.match(problem(HOOK + HOOK), /webhook\[1\]\.url: another webhook has the same url and match/);
  assert.match(problem(`${HOOK}evens = []`), /unknown key.*events/);
});

test('there may be 16', () => {
  const hooks = (count: number) => Array.from({ length: count }, (_, i) => HOOK.replace('/x', `/${i}`)).join('');
  assert.equal(load(hooks(16)).webhooks.length, 16);
  assert.match(problem(hooks(17)), /expected at most 16 webhooks/);
});

test('a webhook is written as it was read, and without its secret where it is shown', () => {
  const config = load(`${HOOK}match = "a.*"\n`);
  assert.deepEqual(loadConfig(formatConfig(config), 'y.toml'), config);
  const shown = formatConfig(config, { mask: true });
  assert.ok(!shown.includes(SECRET));
  assert.match(shown, /# secret is set, and not shown/);
  assert.doesNotMatch(formatConfig(config), /retry_time|events/, 'defaults go without saying');
});

test('presence channels have rules of their own', () => {
  assert.equal(load('[[channel]]\nmatch = "$presence.a.>"\nhistory_items = 1\n').channels[0]?.match, '$presence.a.>');
  assert.match(problem('[[channel]]\nmatch = "$presence."\nhistory_items = 1\n'), /it is empty/);
  assert.match(problem('[[channel]]\nmatch = "$other.a"\n'), /it begins with '\$'/);
  assert.match(problem('[[channel]]\nmatch = "$presence.a"\npresence = true\n'), /has no effect on presence channels/);
});
