import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { formatAddress, ipv4, ipv6, parseAddress } from '../../src/net/guard/ip-address.ts';
import { canonicalHost, Guard, GuardError, type GuardRules } from '../../src/net/index.ts';
import { fc } from '../support/properties.ts';
import { readSsrfCases } from '../support/ssrf-cases.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 600, numRuns: 20_000 };

const OPEN: GuardRules = { defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false };
const INTERNAL = new Guard({ ...OPEN, denyInternal: true });

/** IPv4 addresses, those at the ends of blocks more often. */
const ipv4Value = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(
    ...[0, 0x7f000001, 0x0a000000, 0x0affffff, 0xa9fea9fe, 0xac100000, 0xac1fffff, 0xac200000, 0xc0a80001, 0x64400000],
    ...[0x64646464, 0xe0000001, 0xffffffff, 0x08080808, 0xa83f8110, 0xc6120000, 0x80000001],
  ),
);

const ipv6Value = fc
  .tuple(
    fc.constantFrom(
      '',
      '::',
      '2000::',
      '2001::',
      '2002::',
      '64:ff9b::',
      '64:ff9b:1::',
      'fe80::',
      'fd00::',
      '::ffff:0:0:0',
      '2606:4700::5efe:0:0',
    ),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    fc.constantFrom(0n, 16n, 32n, 64n, 96n, 120n),
  )
  .map(([prefix, value, zeros]) => (parseAddress(prefix)?.value ?? 0n) | (value >> zeros));

/** A number as an octal, a decimal or a hex one, with zeros in front or without. */
function numberText(value: number, how: number, zeros: number): string {
  if (how === 0) return String(value);
  const [prefix, digits] = how === 1 ? ['0', value.toString(8)] : [how === 2 ? '0x' : '0X', value.toString(16)];
  return `${prefix}${'0'.repeat(zeros)}${digits}`;
}

/** An IPv4 address in any of the notations that URLs may have it in. */
const notation = fc.record({
  parts: fc.integer({ min: 1, max: 4 }),
  how: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
  zeros: fc.array(fc.nat(4), { minLength: 4, maxLength: 4 }),
  dots: fc.constantFrom('.', '.', '。', '．', '｡', '%2e', '%2E', '%E3%80%82'),
  trailing: fc.nat(2),
  disguise: fc.constantFrom('none', 'none', 'fullwidth', 'circled', 'percent', 'soft hyphens', 'capitals'),
});

type Notation = typeof notation extends fc.Arbitrary<infer T> ? T : never;

function written(value: number, { parts, how, zeros, dots, trailing, disguise }: Notation): string {
  const octets = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const last = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0);
  const numbers = [...octets.slice(0, parts - 1), last];
  const texts = numbers.map((number, index) =>
    disguised(numberText(number, how[index] ?? 0, zeros[index] ?? 0), disguise),
  );
  return texts.join(dots) + dots.repeat(trailing);
}

function disguised(text: string, how: string): string {
  const each = (change: (char: string, code: number) => string) =>
    [...text].map((char) => change(char, char.charCodeAt(0))).join('');
  switch (how) {
    case 'fullwidth':
      return each((_, code) => String.fromCharCode(code + 0xfee0));
    case 'circled':
      return each((char, code) => (char >= '1' && char <= '9' ? String.fromCharCode(code - 0x31 + 0x2460) : char));
    case 'percent':
      return each((_, code) => `%${code.toString(16)}`);
    case 'soft hyphens':
      return each((char) => `${char}\u{ad}`);
    case 'capitals':
      return text.toUpperCase();
    default:
      return text;
  }
}

/** IPv6 addresses that embed an IPv4 one, by what they are called. */
const EMBEDDINGS: Readonly<Record<string, (value: bigint) => bigint>> = {
  mapped: (value) => (0xffffn << 32n) | value,
  NAT64: (value) => (0x64_ff9bn << 96n) | value,
  'local NAT64': (value) => (0x64_ff9b_0001n << 80n) | value,
  compatible: (value) => value,
  translated: (value) => (0xffffn << 48n) | value,
  '6to4': (value) => (0x2002n << 112n) | (value << 80n) | 7n,
  'Teredo server': (value) => (0x2001n << 112n) | (value << 64n) | 0xf7f7_f7f7n,
  'Teredo client': (value) => (0x2001n << 112n) | (0x0808_0808n << 64n) | (value ^ 0xffff_ffffn),
  ISATAP: (value) => (0x2606_4700n << 96n) | (0x5efen << 32n) | value,
  'universal ISATAP': (value) => (0x2606_4700n << 96n) | (0x0200_5efen << 32n) | value,
};

describe('addresses', () => {
  test('are read as Node.js reads them, and written as its URLs and ipaddr.js do', () => {
    fc.assert(
      fc.property(ipv6Value, (value) => {
        const text = formatAddress(ipv6(value));
        assert.deepEqual(parseAddress(text), ipv6(value));
        if (!text.includes(':')) return;
        assert.equal(isIP(text), 6);
        assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
        assert.equal(ipaddr.IPv6.parse(text).toRFC5952String(), text);
      }),
      BOX,
    );
  });

  test('are those texts that Node.js takes for addresses', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'ffff',
      '7f00',
      'g',
      '12345',
      ':',
      ':',
      '::',
      '.',
      '127.0.0.1',
      '1.2.3.256',
      '01',
      '-',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 17 }), (pieces) => {
        const text = pieces.join('');
        assert.equal(parseAddress(text) !== null, isIP(text) !== 0, text);
      }),
      BOX,
    );
  });
});

describe('the guard', () => {
  test('says the same of every notation of an IPv4 address', () => {
    fc.assert(
      fc.property(ipv4Value, notation, (value, how) => {
        const host = written(value, how);
        const plain = formatAddress(ipv4(BigInt(value)));
        assert.equal(canonicalHost(host), plain, host);
        assert.deepEqual(INTERNAL.checkName(host), INTERNAL.checkAddress(plain), host);
      }),
      BOX,
    );
  });

  test('reads numbers as ipaddr.js does, where that takes them for an address', () => {
    fc.assert(
      fc.property(ipv4Value, notation, (value, how) => {
        const host = written(value, { ...how, dots: '.', trailing: 0, disguise: 'none' });
        // It knows no numbers that are octal in part, and none with a dot at the end.
        if (!ipaddr.IPv4.isValid(host)) return;
        assert.equal(canonicalHost(host), ipaddr.IPv4.parse(host).toString(), host);
      }),
      BOX,
    );
  });

  test('says the same of every notation of an IPv6 address', () => {
    fc.assert(
      fc.property(
        ipv6Value,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom('', '%1', '%25eth0'),
        (value, long, brackets, zone) => {
          const plain = formatAddress(ipv6(value));
          const digits = value.toString(16).padStart(32, '0');
          const text = long ? (digits.match(/.{4}/g) as string[]).join(':').toUpperCase() : plain;
          const host = text.includes(':') ? text + zone : text;
          assert.deepEqual(
            INTERNAL.checkName(brackets && host.includes(':') ? `[${host}]` : host),
            INTERNAL.checkAddress(plain),
          );
        },
      ),
      BOX,
    );
  });

  test('denies whatever embeds an address that is internal', () => {
    fc.assert(
      fc.property(ipv4Value, fc.constantFrom(...Object.keys(EMBEDDINGS)), (value, how) => {
        const inner = ipv4(BigInt(value));
        const outer = formatAddress(ipv6(EMBEDDINGS[how]?.(inner.value) ?? 0n));
        if (INTERNAL.checkAddress(formatAddress(inner)).allowed) return;
        assert.equal(INTERNAL.checkAddress(outer).allowed, false, `${how} ${outer}`);
        assert.equal(INTERNAL.checkName(`[${outer}]`).allowed, false, `${how} ${outer}`);
      }),
      BOX,
    );
  });

  test('denies whatever embeds an address that a rule denies, be it a block, a pattern or an address', () => {
    fc.assert(
      fc.property(ipv4Value, fc.nat(32), fc.constantFrom(...Object.keys(EMBEDDINGS)), (value, length, how) => {
        const inner = formatAddress(ipv4(BigInt(value)));
        const outer = formatAddress(ipv6(EMBEDDINGS[how]?.(BigInt(value)) ?? 0n));
        // ::1 is in the block of IPv4-compatible addresses but is not one of them.
        if (outer === '::1') return;
        for (const rule of [inner, `${inner}/${length}`, `${inner.slice(0, inner.indexOf('.') + 1)}*`]) {
          for (const defaultPolicy of ['allow', 'deny'] as const) {
            const guard = new Guard({
              ...OPEN,
              defaultPolicy,
              deny: [rule],
              allow: defaultPolicy === 'deny' ? ['*'] : [],
            });
            assert.equal(guard.checkAddress(outer).allowed, false, `${rule} ${how} ${outer}`);
          }
        }
      }),
      { ...BOX, numRuns: 5_000 },
    );
  });

  test('allows no more than its default when a rule is added to deny, and no less when one is added to allow', () => {
    const rule = fc.constantFrom(
      '10/8',
      '127.*',
      '8.8.8.8',
      '2002::/16',
      '64:ff9b::/96',
      '*',
      '::/0',
      '192.168.0.0/16',
      '::1',
    );
    const rules = fc.record({
      defaultPolicy: fc.constantFrom('allow' as const, 'deny' as const),
      allow: fc.array(rule, { maxLength: 2 }),
      deny: fc.array(rule, { maxLength: 2 }),
      denyInternal: fc.boolean(),
    });
    const address = fc
      .oneof(
        ipv4Value.map((value) => ipv4(BigInt(value))),
        ipv6Value.map(ipv6),
      )
      .map(formatAddress);
    fc.assert(
      fc.property(rules, rule, address, (before, added, text) => {
        const { allowed } = new Guard(before).checkAddress(text);
        const stricter = new Guard({ ...before, deny: [...before.deny, added] }).checkAddress(text);
        const laxer = new Guard({ ...before, allow: [...before.allow, added] }).checkAddress(text);
        assert.ok(allowed || !stricter.allowed, `${text} ${stricter.reason}`);
        assert.ok(!allowed || laxer.allowed, `${text} ${laxer.reason}`);
      }),
      BOX,
    );
  });

  test('has a verdict for any text, and never allows an invalid host', () => {
    const { hosts } = readSsrfCases();
    const piece = fc.oneof(
      fc.constantFrom(
        '.',
        '%',
        '%2e',
        '%00',
        '[',
        ']',
        ':',
        '::',
        '@',
        '/',
        '\\',
        '0x',
        '*',
        '。',
        '\u{ad}',
        '\ud800',
        ' ',
        '\t',
        'xn--',
        '1',
        '%25',
      ),
      fc.string({ unit: 'binary', maxLength: 2 }),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
      fc.tuple(fc.constantFrom(...hosts), fc.nat(40), fc.nat(2), piece).map(([{ host }, at, length, inserted]) => {
        const start = Math.min(at, host.length);
        return host.slice(0, start) + inserted + host.slice(start + length);
      }),
    );
    fc.assert(
      fc.property(text, (host) => {
        const canonical = canonicalHost(host);
        const verdict = INTERNAL.checkName(host);
        INTERNAL.checkAddress(host);
        if (canonical === null) assert.equal(verdict.allowed, false, host);
        else {
          assert.match(canonical, /^[a-z0-9_.:-]{1,253}$/);
          assert.equal(canonicalHost(canonical), canonical, host);
          assert.equal(INTERNAL.checkName(canonical).allowed, verdict.allowed, host);
        }
      }),
      BOX,
    );
  });

  test('takes any text for an expression or refuses it with an error of its own', () => {
    const piece = fc.constantFrom(
      '*',
      '.',
      '/',
      '8',
      '10',
      '255.0.0.0',
      ':',
      '::',
      'ffff',
      'a',
      'é',
      '%',
      '[',
      ']',
      ' ',
      '。',
      '\ud800',
      '-',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 20 }),
          fc.array(piece, { maxLength: 8 }).map((list) => list.join('')),
        ),
        (source) => {
          try {
            new Guard({ ...OPEN, deny: [source] }).checkName('a.example');
          } catch (error) {
            assert.ok(error instanceof GuardError, `${source}: ${error}`);
          }
        },
      ),
      BOX,
    );
  });
});
