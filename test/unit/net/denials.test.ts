import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Denials, Guard } from '../../../src/net/index.ts';

test('a guard counts what it denies, by reason', () => {
  const denials = new Denials();
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['*.example.com'], denyInternal: true }, denials);
  for (const host of ['a.example.com', 'b.example.com', 'c.example.org']) guard.checkName(host);
  guard.checkAddress('127.0.0.1');
  guard.checkAddress('127.0.0.1');
  const counts = Object.fromEntries([...denials.entries()].map(([reason, { count }]) => [reason, count]));
  assert.equal(counts['rule "*.example.com" of deny'], 2);
  assert.equal(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    4,
  );
});

test('beyond 256 reasons all others count together', () => {
  const denials = new Denials();
  for (let i = 0; i < 300; i++) denials.note(`reason ${i}`);
  const all = new Map(denials.entries());
  assert.equal(all.size, 257);
  assert.equal(all.get('other')?.count, 44);
});
