import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Permit } from '../../../../src/proxy/guard/permit.ts';

const permit = (...channels: string[]) => new Permit([], 0, channels);

test('Names match whole, and a star at the end stands for any rest', () => {
  const given = permit('a', 'room-*', 'room-1*', 'roof*', 'x*y', 'Ü-*');
  for (const name of ['a', 'room-', 'room-2', 'room-12', 'roof', 'rooftop', 'x*y', 'Ü-1'])
    assert.ok(given.permits(name), name);
  for (const name of ['', 'b', 'aa', 'room', 'roo', 'rop', 'xzy', 'A']) assert.ok(!given.permits(name), name);
  assert.ok(permit('*').permits('anything'));
  assert.ok(!permit().permits('a'));
  assert.ok(new Permit([], 0, null).permits('a'));
});

test('Every look-up agrees with the plain definition', () => {
  const letters = ['', 'a', 'b', 'aa', 'ab', 'ba', 'bb', 'aab', 'abb', 'bab'];
  for (let bits = 1; bits < 1 << letters.length; bits += 7) {
    const chosen = letters.filter((_, at) => bits & (1 << at));
    const given = permit(...chosen.map((text) => `${text}*`));
    for (const name of letters)
      assert.equal(
        given.permits(name),
        chosen.some((text) => name.startsWith(text)),
      );
  }
});

test('A pattern is permitted where all names are that it matches', () => {
  const given = permit('a.b', 'orders.*', 'x.y.z');
  for (const pattern of ['orders.*', 'orders.>', 'orders.eu.*', 'orders.eu', 'a.b']) {
    assert.ok(given.permitsPattern(pattern), pattern);
  }
  for (const pattern of ['>', '*', 'a.*', '*.b', 'order.*', 'x.*.z', 'x.y.z.>', '*.eu', 'orders'])
    assert.ok(!given.permitsPattern(pattern), pattern);
  assert.ok(permit('*').permitsPattern('>'));
  assert.ok(new Permit([], 0, null).permitsPattern('>'));
  assert.ok(!permit('').permitsPattern('>'));
});
