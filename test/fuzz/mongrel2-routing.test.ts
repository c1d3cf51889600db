import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mongrel2Host } from '../../src/config/index.ts';
import { SiteRoutes } from '../../src/mongrel2/routing/index.ts';
import { RoutePattern } from '../../src/mongrel2/routing/route-pattern.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 1_500, numRuns: 50_000 };

/** An item of a pattern: how it is written, and which characters it takes. */
interface Item {
  readonly text: string;
  readonly takes: (char: string) => boolean;
  readonly repeat: '' | '?' | '*' | '+' | '-';
  readonly balanced: string | null;
}

const SETS: readonly (readonly [string, RegExp])[] = [
  ['.', /^.$/s],
  ['a', /^a$/],
  ['b', /^b$/],
  ['/', /^\/$/],
  ['\\.', /^\.$/],
  ['\\a', /^[A-Za-z]$/],
  ['\\D', /^\D$/],
  ['\\W', /^[^A-Za-z0-9]$/],
  ['\\P', /^[A-Za-z0-9 ]$/],
  ['[ab]', /^[ab]$/],
  ['[^a/]', /^[^a/]$/],
  ['[a-c\\d]', /^[a-c0-9]$/],
  ['[]-]', /^[\]-]$/],
];

const single = fc.tuple(fc.constantFrom(...SETS), fc.constantFrom('', '', '?', '*', '+', '-')).map(
  ([[text, takes], repeat]): Item => ({
    text,
    takes: (char) => takes.test(char),
    repeat: repeat as '',
    balanced: null,
  }),
);
const balanced = fc
  .constantFrom('()', '{}', 'ab', 'aa')
  .map((pair): Item => ({ text: `\\b${pair}`, takes: () => false, repeat: '', balanced: pair }));
const items = fc.array(fc.oneof({ weight: 6, arbitrary: single }, { weight: 1, arbitrary: balanced }), {
  maxLength: 6,
});
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', '/', '.', '1', ' ', '(', ')', '{', '}', ']', '-'),
  maxLength: 12,
});

/** The definition of the language, which tries everything. */
function naive(rest: readonly Item[], anchored: boolean, subject: string): boolean {
  const [item, ...others] = rest;
  if (item === undefined) return !anchored || subject === '';
  if (item.balanced !== null) {
    const end = closing(subject, item.balanced);
    return end > 0 && naive(others, anchored, subject.slice(end));
  }
  const least = item.repeat === '' || item.repeat === '+' ? 1 : 0;
  const most = item.repeat === '' || item.repeat === '?' ? 1 : subject.length;
  for (let count = 0; count <= most; count++) {
    if (count >= least && naive(others, anchored, subject.slice(count))) return true;
    if (count >= subject.length || !item.takes(subject.charAt(count))) return false;
  }
  return false;
}

/** Where what the first character opens is closed; 0 if it opens nothing, or is not closed. */
function closing(subject: string, pair: string): number {
  if (subject[0] !== pair[0]) return 0;
  let depth = 1;
  for (let i = 1; i < subject.length; i++) {
    if (subject[i] === pair[1]) depth--;
    else if (subject[i] === pair[0]) depth++;
    if (depth === 0) return i + 1;
  }
  return 0;
}

test('a pattern matches what its definition says', () => {
  fc.assert(
    fc.property(items, fc.boolean(), text, fc.nat(3), (list, anchored, subject, before) => {
      const pattern = list.map((item) => item.text + item.repeat).join('') + (anchored ? '$' : '');
      const whole = `${'x'.repeat(before)}${subject}x`;
      assert.equal(
        new RoutePattern(pattern, 0, pattern.length).matches(whole, before, before + subject.length),
        naive(list, anchored, subject),
        `${pattern} on ${JSON.stringify(subject)}`,
      );
    }),
    BOX,
  );
});

test('any text is a pattern or refused with a place', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'ab[]^()\\*+?-$.%\xff'), maxLength: 12 });
  fc.assert(
    fc.property(noise, text, (pattern, subject) => {
      try {
        new RoutePattern(pattern, 0, pattern.length).matches(subject, 0, subject.length);
      } catch (error) {
        assert.match(String(error), /^SiteRouteError: character \d+: /);
      }
    }),
    BOX,
  );
});

test('routes without patterns are found by the longest prefix and suffix', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 4 });
  fc.assert(
    fc.property(
      fc.uniqueArray(word, { minLength: 1 }),
      fc.uniqueArray(word),
      word,
      word,
      (names, paths, name, path) => {
        const target = { kind: 'proxy', host: 'x', port: 1 } as const;
        const routes = paths.map((rest) => ({ path: `/${rest}`, target }));
        const hosts = names.map((text): Mongrel2Host => ({ name: text, matching: `.${text}`, routes }));
        const found = new SiteRoutes(hosts, '').find(`x.${name}`, `/${path}`);
        const host = longest(names.filter((text) => `x.${name}`.endsWith(`.${text}`)));
        const route = longest(paths.filter((rest) => path.startsWith(rest)));
        assert.equal(found?.host.name, route === undefined ? undefined : host);
        assert.equal(found?.pattern, host === undefined || route === undefined ? undefined : `/${route}`);
      },
    ),
    BOX,
  );
});

function longest(texts: readonly string[]): string | undefined {
  return [...texts].sort((a, b) => b.length - a.length)[0];
}

test('the worst pattern takes time in proportion to the path', () => {
  // The longest pattern on the longest path of a request head: backtracking would not end.
  const pattern = new RoutePattern(`${'a*'.repeat(126)}b`, 0, 253);
  assert.equal(pattern.matches('a'.repeat(16_000), 0, 16_000), false);
  const nested = new RoutePattern(`${'.*\\b()'.repeat(40)}$`, 0, 241);
  assert.equal(nested.matches('('.repeat(16_000), 0, 16_000), false);
});
