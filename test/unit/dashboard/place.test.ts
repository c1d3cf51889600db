import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrefOf, placeOf } from '../../../dashboard/src/live/place.ts';

test('an address leads to its view, and to an item of it', () => {
  assert.deepEqual(placeOf(''), { view: 'overview', item: null });
  assert.deepEqual(placeOf('#/errors'), { view: 'errors', item: null });
  assert.deepEqual(placeOf('#/channels/a%2Fb'), { view: 'channels', item: 'a/b' });
});

test('an address that leads nowhere leads to the overview', () => {
  for (const hash of ['#/constructor', '#/__proto__', '#/Errors', '#/channels/a/b', '#']) {
    assert.equal(placeOf(hash).view, 'overview', hash);
  }
});

test('an item that is not encoded well is taken as it is', () => {
  assert.deepEqual(placeOf('#/channels/%E0%A4%A'), { view: 'channels', item: '%E0%A4%A' });
});

for (const name of ['news', 'a/b?c#d', '../x', '%2f', 'ü 😀', '"><script>']) {
  test(`the address of ${name} leads back to it`, () => {
    assert.deepEqual(placeOf(hrefOf('channels', name)), { view: 'channels', item: name });
  });
}

test('half of a surrogate pair has an address too', () => {
  assert.equal(hrefOf('channels', '\ud800'), '#/channels/%EF%BF%BD');
});
