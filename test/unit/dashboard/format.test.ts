import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ceilingOf } from '../../../dashboard/src/live/ceiling-of.ts';
import { ago, bytes, duration, rate, span, text, visible, wellFormed } from '../../../dashboard/src/live/format.ts';

test('quantities have few digits, and a unit', () => {
  assert.equal(text(bytes(999)), '999 B');
  assert.equal(text(bytes(1_540)), '1.5 KB');
  assert.equal(text(bytes(214_000_000)), '214 MB');
  assert.equal(text(bytes(5e15)), '5,000 TB');
  assert.equal(text(duration(0)), '0 ms');
  assert.equal(text(duration(0.00034)), '340 µs');
  assert.equal(text(duration(0.0125)), '12.5 ms');
  assert.equal(text(duration(0.25)), '250 ms');
  assert.equal(text(duration(3.21)), '3.2 s');
  assert.equal(text(rate(4.25)), '4.3/s');
  assert.equal(text(rate(1_234.5)), '1,235/s');
  for (const show of [bytes, duration, rate]) assert.equal(text(show(null)), '–');
});

test('spans have their two largest units', () => {
  assert.equal(span(0.9), '0 s');
  assert.equal(span(61), '1 min 1 s');
  assert.equal(span(7_200), '2 h');
  assert.equal(span(273_612), '3 d 4 h');
});

test('times ago have one unit', () => {
  const now = Date.parse('2026-03-14T12:00:00Z');
  assert.equal(ago('2026-03-14T11:59:58Z', now), 'just now');
  assert.equal(ago('2026-03-14T09:12:00Z', now), '2 h ago');
  assert.equal(ago('2026-03-15T00:00:00Z', now), 'just now');
  assert.equal(ago('never', now), '–');
});

test('what cannot be seen, or would turn the text around, is made visible', () => {
  assert.equal(visible('a\u0000b\u001b[31m\u007f\u0085'), 'a␀b␛[31m␡⟨U+0085⟩');
  assert.equal(visible('\u202eabc\u2066\u200f'), '⟨U+202E⟩abc⟨U+2066⟩⟨U+200F⟩');
  assert.equal(visible('a\nb\tc\r', '\n\t'), 'a\nb\tc␍');
  assert.equal(visible('Grüße 👩‍🚀 שלום'), 'Grüße 👩‍🚀 שלום');
  assert.equal(wellFormed('\ud83d😀\ude00'), '\ufffd😀\ufffd');
});

test('the end of an axis is short to write, and so is its half', () => {
  assert.deepEqual([0.0046, 0.3, 1, 7, 16, 9_180, 214e6].map(ceilingOf), [0.005, 0.3, 1, 8, 20, 10_000, 3e8]);
  assert.deepEqual([null, 0, Number.NaN].map(ceilingOf), [1, 1, 1]);
});
