import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard, GuardError, type GuardRules } from '../../../../src/net/index.ts';

const OPEN: GuardRules = { defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false };
const INTERNAL: GuardRules = { ...OPEN, denyInternal: true };

function guard(rules: Partial<GuardRules>): Guard {
  return new Guard({ ...OPEN, ...rules });
}

/** Asserts verdicts of hosts: reasons of denials begin with `-`, those of permissions with `+`. */
function assertVerdicts(checked: Guard, expected: Readonly<Record<string, string>>): void {
  const found = Object.keys(expected).map((host) => {
    const { allowed, reason } = checked.checkName(host);
    return [host, `${allowed ? '+' : '-'} ${reason}`];
  });
  assert.deepEqual(Object.fromEntries(found), expected);
}

test('without rules every host is allowed', () => {
  assertVerdicts(new Guard(OPEN), {
    'a.example': '+ no rule denies it',
    '127.0.0.1': '+ no rule denies it',
    localhost: '+ no rule denies it',
    'a b': '- neither a host name nor an address',
    '': '- neither a host name nor an address',
  });
});

test('the reason names the internal block and the embedded address in it', () => {
  assertVerdicts(new Guard(INTERNAL), {
    '0x7f.1': '- internal: loopback (127.0.0.0/8, RFC 1122)',
    '0': '- internal: unspecified, this network (0.0.0.0/8, RFC 1122)',
    'a.localhost.': '- internal: localhost (RFC 6761)',
    '[64:ff9b::a00:1]': '- internal: private (10.0.0.0/8, RFC 1918), for 10.0.0.1 (NAT64)',
    '[2606:4700::5efe:a00:1]': '- internal: private (10.0.0.0/8, RFC 1918), for 10.0.0.1 (ISATAP)',
    '[4000::]': '- internal: reserved (not in 2000::/3, RFC 4291)',
    '8.8.8.8': '+ no rule denies it',
    'a.example': '+ no rule denies it',
  });
});

test('if the default is allow, an allow rule overrides a deny rule', () => {
  assertVerdicts(guard({ allow: ['10.0.0.5', 'good.evil.example'], deny: ['10/8', '*.evil.example'] }), {
    '10.0.0.5': '+ rule "10.0.0.5" of allow overrides rule "10/8" of deny',
    '10.0.0.6': '- rule "10/8" of deny',
    'good.evil.example': '+ rule "good.evil.example" of allow overrides rule "*.evil.example" of deny',
    'bad.evil.example': '- rule "*.evil.example" of deny',
    '8.8.8.8': '+ no rule denies it',
  });
});

test('if the default is deny, an address must be allowed and not denied', () => {
  assertVerdicts(guard({ defaultPolicy: 'deny', allow: ['10/8', '*.example'], deny: ['10.0.0.6', 'bad.example'] }), {
    '10.0.0.5': '+ rule "10/8" of allow',
    '10.0.0.6': '- rule "10.0.0.6" of deny',
    'good.example': '+ rule "*.example" of allow',
    'bad.example': '- rule "bad.example" of deny',
    '8.8.8.8': '- no allow rule matches it',
  });
});

test('an allow rule overrides internal, whatever the default', () => {
  for (const defaultPolicy of ['allow', 'deny'] as const) {
    assertVerdicts(guard({ defaultPolicy, allow: ['10.0.0.5', 'localhost'], denyInternal: true }), {
      '10.0.0.5': '+ rule "10.0.0.5" of allow overrides internal: private (10.0.0.0/8, RFC 1918)',
      '[64:ff9b::a00:5]':
        '+ rule "10.0.0.5" of allow overrides internal: private (10.0.0.0/8, RFC 1918), for 10.0.0.5 (NAT64)',
      localhost: '+ rule "localhost" of allow overrides internal: localhost (RFC 6761)',
      '10.0.0.6': '- internal: private (10.0.0.0/8, RFC 1918)',
      'a.localhost': '- internal: localhost (RFC 6761)',
    });
  }
});

test('every form of an address has to pass', () => {
  const rules = { allow: ['2606:4700::/32', '10.0.0.5'], denyInternal: true };
  assertVerdicts(guard(rules), {
    '[2606:4700::1]': '+ rule "2606:4700::/32" of allow',
    '[2606:4700::5efe:a00:5]': '+ rule "2606:4700::/32" of allow',
    '[2606:4700::5efe:a00:6]': '- internal: private (10.0.0.0/8, RFC 1918), for 10.0.0.6 (ISATAP)',
  });
});

test('if the default is deny, only the same address is allowed by its other form', () => {
  assertVerdicts(guard({ defaultPolicy: 'deny', allow: ['8.8.8.8', '127.0.0.1', '::1'] }), {
    '[::ffff:8.8.8.8]': '+ rule "8.8.8.8" of allow',
    '[64:ff9b::808:808]': '+ rule "8.8.8.8" of allow, for 8.8.8.8 (NAT64)',
    '0': '+ rule "127.0.0.1" of allow, for 127.0.0.1 (the unspecified address)',
    '[::]': '+ rule "::1" of allow, for ::1 (the unspecified address)',
    '[2002:808:808::]': '- no allow rule matches it',
    '[2001:0:808:808::f7f7:f7f7]': '- no allow rule matches it',
    '[2606:4700::5efe:808:808]': '- no allow rule matches it',
    '[64:ff9b:1::808:808]': '- no allow rule matches it',
    '[::808:808]': '- no allow rule matches it',
  });
});

test('rules for names do not apply to addresses, nor the reverse', () => {
  const checked = guard({ allow: ['db.example'], deny: ['10/8', '*.example'] });
  assert.equal(checked.checkName('db.example').allowed, true);
  assert.equal(checked.checkAddress('10.0.0.1').allowed, false);
  assert.equal(checked.checkName('10.example').allowed, false);
  assert.equal(checked.checkName('10.test').allowed, true);
});

test('a dialled address may have a zone, but no URL notation', () => {
  const checked = new Guard(INTERNAL);
  assert.deepEqual(checked.checkAddress('fe80::1%eth0'), {
    allowed: false,
    reason: 'internal: link-local (fe80::/10, RFC 4291)',
  });
  assert.equal(checked.checkAddress('2606:4700::1%eth0').allowed, true);
  for (const text of [
    '',
    'a.example',
    'localhost',
    '8.8',
    '0x8.8.8.8',
    '8.8.8.8.',
    '[2606:4700::1]',
    '8.8.8.8 ',
    '134744072',
  ])
    assert.deepEqual(checked.checkAddress(text), { allowed: false, reason: 'not an address' }, text);
});

test('verdicts are stable, and 1,000 are cached', () => {
  const checked = new Guard(INTERNAL);
  for (const check of [(host: string) => checked.checkName(host), (host: string) => checked.checkAddress(host)]) {
    const first = check('10.0.0.0');
    for (let i = 1; i < 1_000; i++) check(`10.0.${i >> 8}.${i & 255}`);
    assert.equal(check('10.0.0.0'), first);
    check('10.1.0.0');
    assert.notEqual(check('10.0.0.0'), first);
    assert.deepEqual(check('10.0.0.0'), first);
  }
});

test('the verdict of a text longer than any host is not cached', () => {
  const checked = new Guard(INTERNAL);
  const padded = (length: number) => '127.0.0.1'.padStart(length, '\u{ad}');
  assert.equal(checked.checkName(padded(253)), checked.checkName(padded(253)));
  assert.notEqual(checked.checkName(padded(254)), checked.checkName(padded(254)));
  assert.deepEqual(checked.checkName(padded(254)), checked.checkName(padded(253)));
});

test('verdicts of names and addresses are cached separately', () => {
  const checked = new Guard(INTERNAL);
  assert.equal(checked.checkName('8.8').allowed, true);
  assert.equal(checked.checkAddress('8.8').allowed, false);
  assert.equal(checked.checkName('[2606:4700::1]').allowed, true);
  assert.equal(checked.checkAddress('[2606:4700::1]').allowed, false);
});

test('each guard has an id of its own', () => {
  const ids = new Set([new Guard(OPEN), new Guard(OPEN), guard({ deny: ['a'] })].map(({ id }) => id));
  assert.equal(ids.size, 3);
});

test('an expression that can match nothing is refused by name', () => {
  assert.throws(() => guard({ deny: ['10/8', '10/33'] }), GuardError);
  assert.throws(() => guard({ allow: [''] }), { name: 'GuardError', message: /^"" is not a valid host/ });
});
