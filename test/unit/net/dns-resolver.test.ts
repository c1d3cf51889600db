import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { DialError, DnsResolver } from '../../../src/net/index.ts';
import { type DnsAnswer, startDnsServer } from '../../support/dns-server.ts';
import { turn } from '../../support/manual-clock.ts';

const NOT_KNOWN = 'unknown host name';
const NOT_NOW = 'host name cannot be resolved at present';

/** A server that keeps silent is given up within a second. */
const QUICK = { timeout: 400, tries: 1 };

function failsWith(message: string): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof DialError);
    assert.deepEqual([error.kind, error.message], ['resolve', message]);
    return true;
  };
}

test('IPv6 addresses come first, then those of IPv4, each in the order of the answer', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('both.test', 'A', ['192.0.2.2', '192.0.2.1']).answer('both.test', 'AAAA', ['2001:db8::1', '::1']);
  const resolver = new DnsResolver([dns.address]);
  assert.deepEqual(await resolver.resolve('both.test', 0), ['2001:db8::1', '::1', '192.0.2.2', '192.0.2.1']);
});

test('for IPv4 alone IPv6 addresses are not queried', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('both.test', 'A', ['192.0.2.1']).answer('both.test', 'AAAA', ['::1']);
  assert.deepEqual(await new DnsResolver([dns.address]).resolve('both.test', 4), ['192.0.2.1']);
  assert.equal(dns.count('both.test', 'AAAA'), 0);
});

test('a CNAME is followed', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('www.test', 'A', ['alias.test', 'more.alias.test', '192.0.2.1']);
  assert.deepEqual(await new DnsResolver([dns.address]).resolve('www.test', 0), ['192.0.2.1']);
});

for (const failure of ['NXDOMAIN', 'SERVFAIL', 'REFUSED', 'SILENCE', []] satisfies DnsAnswer[]) {
  const what = typeof failure === 'string' ? failure : 'an empty answer';
  test(`${what} for one family keeps the addresses of the other`, async (t) => {
    const dns = await startDnsServer(t);
    dns.answer('four.test', 'A', ['192.0.2.1']).answer('four.test', 'AAAA', failure);
    dns.answer('six.test', 'A', failure).answer('six.test', 'AAAA', ['::1']);
    const resolver = new DnsResolver([dns.address], failure === 'SILENCE' ? QUICK : {});
    assert.deepEqual(await resolver.resolve('four.test', 0), ['192.0.2.1']);
    assert.deepEqual(await resolver.resolve('six.test', 0), ['::1']);
  });
}

/** An answer that is given when the test says so. */
function lateAnswer(): { readonly script: () => Promise<DnsAnswer>; readonly give: (answer: DnsAnswer) => void } {
  let give: (answer: DnsAnswer) => void = () => {};
  const given = new Promise<DnsAnswer>((resolve) => {
    give = resolve;
  });
  return { script: () => given, give };
}

test('IPv4 addresses do not wait long for the IPv6 answer', async (t) => {
  const dns = await startDnsServer(t);
  const late = lateAnswer();
  dns.answer('four.test', 'A', ['192.0.2.1']).answer('four.test', 'AAAA', late.script);
  const resolver = new DnsResolver([dns.address], { timeout: 300_000, tries: 1 });
  assert.deepEqual(await resolver.resolve('four.test', 0), ['192.0.2.1']);
  late.give(['::1']);
});

test('IPv4 addresses wait briefly for the IPv6 answer, without leaving a timer', async (t) => {
  const dns = await startDnsServer(t);
  const late = lateAnswer();
  dns.answer('both.test', 'A', ['192.0.2.1']).answer('both.test', 'AAAA', late.script);
  const setTimer = t.mock.method(globalThis, 'setTimeout', () => 'the timer');
  const clearTimer = t.mock.method(globalThis, 'clearTimeout', () => {});
  const found = new DnsResolver([dns.address]).resolve('both.test', 0);
  while (setTimer.mock.callCount() === 0) await turn();
  assert.equal(setTimer.mock.calls[0]?.arguments[1 as never], 50);
  late.give(['::1']);
  assert.deepEqual(await found, ['::1', '192.0.2.1']);
  assert.deepEqual(
    clearTimer.mock.calls.map(({ arguments: args }) => args),
    [['the timer']],
  );
});

test('IPv6 addresses wait for the IPv4 answer', async (t) => {
  const dns = await startDnsServer(t);
  const late = lateAnswer();
  dns
    .answer('both.test', 'A', late.script)
    .answer('both.test', 'AAAA', ['::1'])
    .answer('other.test', 'A', ['192.0.2.2']);
  const resolver = new DnsResolver([dns.address]);
  const found = resolver.resolve('both.test', 0);
  await dns.asked('both.test', 'AAAA');
  // An answer that comes after the one about IPv6.
  await resolver.resolve('other.test', 4);
  late.give(['192.0.2.1']);
  assert.deepEqual(await found, ['::1', '192.0.2.1']);
});

for (const [answer, message] of [
  ['NXDOMAIN', NOT_KNOWN],
  [[], NOT_KNOWN],
  ['SERVFAIL', `${NOT_NOW}: the name server has failed`],
  ['REFUSED', `${NOT_NOW}: the name server refuses to answer`],
  ['SILENCE', `${NOT_NOW}: no name server replied`],
] as const) {
  const what = typeof answer === 'string' ? answer : 'an empty answer';
  test(`${what} for both families is: ${message}`, async (t) => {
    const dns = await startDnsServer(t);
    dns.answer('none.test', 'A', answer).answer('none.test', 'AAAA', answer);
    const resolver = new DnsResolver([dns.address], answer === 'SILENCE' ? QUICK : {});
    for (const family of [0, 4] as const)
      await assert.rejects(resolver.resolve('none.test', family), failsWith(message));
  });
}

test('an empty answer for one family does not hide a failure of the other', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('four.test', 'A', []).answer('four.test', 'AAAA', 'SERVFAIL');
  dns.answer('six.test', 'A', 'SERVFAIL').answer('six.test', 'AAAA', []);
  const resolver = new DnsResolver([dns.address]);
  for (const name of ['four.test', 'six.test']) {
    await assert.rejects(resolver.resolve(name, 0), failsWith(`${NOT_NOW}: the name server has failed`));
  }
});

test('a silent server is queried up to the limit, then the next one', async (t) => {
  const [silent, other] = [await startDnsServer(t), await startDnsServer(t)];
  silent.answer('a.test', 'A', 'SILENCE');
  other.answer('a.test', 'A', ['192.0.2.1']);
  const resolver = new DnsResolver([silent.address, other.address], QUICK);
  assert.deepEqual(await resolver.resolve('a.test', 4), ['192.0.2.1']);
  assert.equal(silent.count('a.test'), 1);
  const alone = new DnsResolver([silent.address], { timeout: 250, tries: 2 });
  await assert.rejects(alone.resolve('a.test', 4), failsWith(`${NOT_NOW}: no name server replied`));
  assert.equal(silent.count('a.test'), 3);
});

test('a port without a name server is reported', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  const resolver = new DnsResolver([`127.0.0.1:${port}`], QUICK);
  await assert.rejects(resolver.resolve('a.test', 0), failsWith(`${NOT_NOW}: no name server is listening`));
});

test('concurrent lookups are shared, and later ones see changes', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('a.test', 'A', ['192.0.2.1'], ['192.0.2.2'], 'NXDOMAIN', ['192.0.2.4']);
  dns.answer('a.test', 'AAAA', []);
  const resolver = new DnsResolver([dns.address]);
  const names = ['a.test', 'a.test', 'A.Test'];
  const first = await Promise.all(names.map((name) => resolver.resolve(name, 0)));
  assert.deepEqual(first, [['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1']]);
  assert.deepEqual([dns.count('a.test', 'A'), dns.count('a.test', 'AAAA')], [1, 1]);
  assert.deepEqual(await resolver.resolve('a.test', 0), ['192.0.2.2']);
  const failed = await Promise.allSettled([resolver.resolve('a.test', 0), resolver.resolve('a.test', 0)]);
  assert.deepEqual(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(await resolver.resolve('a.test', 0), ['192.0.2.4']);
  assert.equal(dns.count('a.test', 'A'), 4);
});

test('lookups for IPv4 alone and for both families are not shared', async (t) => {
  const dns = await startDnsServer(t);
  dns.answer('a.test', 'A', ['192.0.2.1']).answer('a.test', 'AAAA', ['::1']);
  const resolver = new DnsResolver([dns.address]);
  const found = await Promise.all([resolver.resolve('a.test', 0), resolver.resolve('a.test', 4)]);
  assert.deepEqual(found, [['::1', '192.0.2.1'], ['192.0.2.1']]);
});

test('addresses and localhost are resolved without a query', async (t) => {
  const dns = await startDnsServer(t);
  const resolver = new DnsResolver([dns.address]);
  for (const address of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%lo']) {
    assert.deepEqual(await resolver.resolve(address, 0), [address]);
  }
  for (const name of ['localhost', 'LOCALHOST.', 'a.localhost']) {
    assert.deepEqual(await resolver.resolve(name, 0), ['::1', '127.0.0.1']);
    assert.deepEqual(await resolver.resolve(name, 4), ['127.0.0.1']);
  }
  const message = 'IPv6 address where only IPv4 is allowed';
  await assert.rejects(resolver.resolve('2001:db8::1', 4), failsWith(message));
  assert.deepEqual(dns.questions, []);
});

test('an invalid name is not queried', async (t) => {
  const dns = await startDnsServer(t);
  const resolver = new DnsResolver([dns.address], QUICK);
  const names = ['', 'a b.test', 'a.test\0.evil.test', 'a\n.test', 'ａ.test', '１２７.0.0.1', 'a'.repeat(256)];
  for (const name of names) {
    await assert.rejects(resolver.resolve(name, 0), failsWith('invalid host name'), name);
  }
  for (const name of [`${'a'.repeat(64)}.test`, 'a..test']) {
    await assert.rejects(resolver.resolve(name, 0), failsWith(NOT_KNOWN), name);
  }
  assert.deepEqual(dns.questions, []);
});

test('name servers are required, and must be addresses', () => {
  assert.throws(() => new DnsResolver([]), { message: 'a resolver needs the address of a name server' });
  assert.throws(() => new DnsResolver(['dns.test']), /dns\.test/);
});
