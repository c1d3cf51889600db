import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalHost, Guard, type GuardRules, type Verdict } from '../../../../src/net/index.ts';
import {
  parseSsrfDocument,
  REDIRECT_BASE,
  readSsrfCases,
  type SsrfHost,
  urlOf,
  urlWith,
} from '../../../support/ssrf-cases.ts';

const PORT = 8_000;
const INTERNAL = readSsrfCases();
const RULES = readSsrfCases('rules.md');

/** Cases with the same heading make up one test. */
function testEach<T extends { document: string; title: string; line: number }>(
  cases: readonly T[],
  check: (input: T) => void,
): void {
  const titles = new Map<string, T[]>();
  for (const input of cases) {
    const title = `${input.document}: ${input.title}`;
    titles.set(title, [...(titles.get(title) ?? []), input]);
  }
  for (const [title, inputs] of titles) test(title, () => inputs.forEach(check));
}

function at({ document, line }: { document: string; line: number }, verdict?: Verdict): string {
  return `${document}:${line}${verdict === undefined ? '' : ` ${verdict.reason}`}`;
}

const guards = new Map<GuardRules, Guard>();

function guardOf(rules: GuardRules): Guard {
  const guard = guards.get(rules) ?? new Guard(rules);
  guards.set(rules, guard);
  return guard;
}

/** What a URL means to the parser of the WHATWG; null for what is no URL of HTTP. */
function parsed(url: string, base?: string): URL | null {
  if (!URL.canParse(url, base)) return null;
  const result = new URL(url, base);
  return result.protocol === 'http:' || result.protocol === 'https:' ? result : null;
}

describe('hosts', () => {
  const check = (input: SsrfHost): void => {
    const verdict = guardOf(input.rules).checkName(input.host);
    assert.equal(canonicalHost(input.host), input.canonical, at(input));
    assert.equal(verdict.allowed, input.verdict === 'allowed', at(input, verdict));
    if (input.canonical === null || !/^[\d.]+$|:/.test(input.canonical)) return;
    // A name that is an address is judged as the address is when it is dialled.
    assert.deepEqual(guardOf(input.rules).checkAddress(input.canonical), verdict, at(input));
  };
  testEach(INTERNAL.hosts, check);
  testEach(RULES.hosts, check);
});

describe('URLs', () => {
  testEach(INTERNAL.urls, (input) => {
    const url = parsed(urlWith(input.url, PORT));
    // Where parsers do not agree, none of what the most tolerant one reads may lead inside.
    if (input.verdict === 'refused' && (url === null || url.hostname === 'good.test')) return;
    assert.ok(url, at(input));
    const verdict = guardOf(input.rules).checkName(url.hostname);
    assert.equal(verdict.allowed, input.verdict === 'allowed', at(input, verdict));
    if (input.canonical !== null) assert.equal(canonicalHost(url.hostname), input.canonical, at(input));
  });
});

describe('redirects', () => {
  testEach(INTERNAL.locations, (input) => {
    const url = parsed(urlWith(input.location, PORT), REDIRECT_BASE);
    if (input.verdict === 'harmless' && (url === null || url.hostname === 'good.test')) return;
    assert.ok(url, at(input));
    const verdict = guardOf(input.rules).checkName(url.hostname);
    assert.equal(verdict.allowed, false, at(input, verdict));
    if (input.canonical !== null) assert.equal(canonicalHost(url.hostname), input.canonical, at(input));
  });
});

describe('answers', () => {
  testEach(INTERNAL.answers, (input) => {
    const guard = guardOf(input.rules);
    assert.ok(guard.checkName(input.name).allowed, at(input));
    for (const { addresses, allowed } of input.lookUps) {
      assert.deepEqual(
        addresses.filter((address) => guard.checkAddress(address).allowed),
        allowed,
        at(input),
      );
    }
  });
});

describe('the notation of SSRF cases', () => {
  const document = (block: string, line: string, option = '') =>
    `# Title\n\n## Trick\n\n### it is so\n\n${option}\n\n\`\`\`${block}\n${line}\n\`\`\`\n`;

  test('has a place, a title, and rules of its own', () => {
    const text = document(
      'hosts denied',
      'a\\t\\r\\n\\s\\\\\\u{e9}é -> b',
      '- default: deny\n- allow: a, b\n- internal: allowed',
    );
    const { hosts } = parseSsrfDocument('x.md', `${text}\n### the next\n\n\`\`\`connect-hosts refused\n::1\n\`\`\`\n`);
    assert.deepEqual(hosts, [
      {
        document: 'x.md',
        line: 12,
        title: 'it is so',
        rules: { defaultPolicy: 'deny', allow: ['a', 'b'], deny: [], denyInternal: false },
        host: 'a\t\r\n \\éé',
        inUrl: true,
        verdict: 'denied',
        canonical: 'b',
      },
      {
        document: 'x.md',
        line: 18,
        title: 'the next',
        rules: { defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true },
        host: '::1',
        inUrl: false,
        verdict: 'refused',
        canonical: null,
      },
    ]);
  });

  test('has look-ups one after the other', () => {
    const { answers } = parseSsrfDocument('x.md', document('answers', 'a.test: ::1, 8.8.8.8 -> 8.8.8.8; ::1 -> none'));
    assert.deepEqual(answers[0]?.name, 'a.test');
    assert.deepEqual(answers[0]?.lookUps, [
      { addresses: ['::1', '8.8.8.8'], allowed: ['8.8.8.8'] },
      { addresses: ['::1'], allowed: [] },
    ]);
  });

  const wrongs: [string, string, RegExp][] = [
    ['hosts denied', 'a', /^x\.md:10: expected INPUT -> MEANING$/],
    ['hosts denied', 'a -> b -> c', /expected INPUT -> MEANING$/],
    ['hosts denied', ' -> b', /expected INPUT -> MEANING$/],
    ['hosts refused', 'a -> b', /expected an input alone$/],
    ['hosts refused', 'a b', /not in the notation: {2}b$/],
    ['hosts refused', 'a\\q', /not in the notation: \\q$/],
    ['hosts refused', 'a\u{ad}', /not in the notation: \u{ad}$/u],
    ['answers', 'a.test', /expected NAME: ANSWERS$/],
    ['answers', 'a.test: ::1', /expected ADDRESSES -> ADDRESSES$/],
    ['hosts maybe', 'a', /no kind of block: hosts maybe$/],
  ];
  for (const [block, line, message] of wrongs) {
    test(`refuses ${JSON.stringify(line)} in ${block}`, () => {
      assert.throws(() => parseSsrfDocument('x.md', document(block, line)), { message });
    });
  }

  test('refuses options and blocks that it does not know', () => {
    const refused = (text: string, message: RegExp) =>
      assert.throws(() => parseSsrfDocument('x.md', text), { message });
    refused(document('hosts refused', 'a', '- internal: denied'), /^x\.md:7: no option: internal: denied$/);
    refused('```hosts refused\na\n```\n', /^x\.md:1: the block belongs to no case$/);
    refused('### a\n```hosts refused\na\n', /^x\.md:2: the block does not end$/);
  });

  test('makes URLs of other schemes and ports', () => {
    assert.equal(urlWith('HTTP://a:PORT/?http://b:PORT', 80, 'wss'), 'wss://a:80/?http://b:80');
    assert.equal(urlWith('HTTP://a', 80), 'HTTP://a');
    assert.equal(urlWith('httpx://a', 80, 'ws'), 'httpx://a');
    const [host] = parseSsrfDocument('x.md', document('hosts denied', '[::1] -> ::1')).hosts;
    assert.equal(urlOf(host as SsrfHost, 80, 'https'), 'https://[::1]:80/');
  });
});
