import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownTarget } from '../../../src/exchange/shown-target.ts';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

/** A target in the value of a target, and so on. */
function nested(times: number, target: string): string {
  return times === 0 ? target : encodeURIComponent(`/x?a=${nested(times - 1, target)}`);
}

for (const target of [
  '/',
  '*',
  '/a/b?c=d&e',
  '/search?q=eyJust-a-word',
  '/a?b=1;c=2',
  '/?',
  '/a%20b?x=%zz',
  '/@me',
  '/a?next=%2Fb%3Fc%3Dd',
  '/a?filter=key%3Dvalue',
  '',
]) {
  test(`${target || 'Nothing'} is shown as it is`, () => {
    assert.equal(shownTarget(target), target);
  });
}

for (const name of [
  'access_token',
  'Access-Token',
  'access%5Ftoken',
  'token',
  'id_token',
  'api_key',
  'key',
  'sig',
  'X-Amz-Signature',
  'X-Amz-Security-Token',
  'password',
  'user[password]',
  'code',
  'Grip-Sig',
  'X-Api-Key',
  'otp',
  'token[]',
  'user[token][]',
  '+token',
  '%20token',
  'jwt',
]) {
  test(`The value of the parameter ${name} is hidden`, () => {
    assert.equal(shownTarget(`/a?b=1&${name}=s3cret&c=2`), `/a?b=1&${name}=redacted&c=2`);
    assert.equal(shownTarget(`/a?${name}=s3cret=s3cret`), `/a?${name}=redacted`);
    assert.equal(shownTarget(`/a?b;${name}=s3cret`), `/a?b;${name}=redacted`);
  });
}

for (const [target, shown] of [
  [`/a?x=${JWT}`, '/a?x=redacted'],
  [`/a?x=Bearer%20${JWT}`, '/a?x=redacted'],
  [`/a?x=${JWT.replaceAll('.', '%2e')}`, '/a?x=redacted'],
  [`/a?x=%65yJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln`, '/a?x=redacted'],
  [`/a?x=%ff${JWT}`, '/a?x=redacted'],
  [`/a?${JWT}`, '/a?redacted'],
  ['/a?b?token=s3cret', '/a?b?token=redacted'],
  ['/a?next=/b?token=s3cret&c', '/a?next=/b?token=redacted&c'],
  ['/a?next=%2Fb%3Ftoken%3Ds3cret&c', '/a?next=redacted&c'],
  ['/a?next=https%3A%2F%2Fapp%2F%23a%3D1%26access_token%3Ds3cret', '/a?next=redacted'],
  ['/a?next=%2Fb%3Fnext%3D%252Fc%253Ftoken%253Ds3cret', '/a?next=redacted'],
  [`/a?a=${nested(6, '/b?c=d')}`, '/a?a=redacted'],
  [`/of/${JWT}/b?c=d`, '/of/redacted/b?c=d'],
  ['https://me:s3cret@host/a@b?c', 'https://redacted@host/a@b?c'],
  ['https://s3cret@host', 'https://redacted@host'],
] as const) {
  test(`${target} is shown as ${shown}`, () => {
    assert.equal(shownTarget(target), shown);
  });
}

test('The parameter in which a route takes its token is hidden too', () => {
  assert.equal(shownTarget('/a?who=s3cret&b=1', 'who'), '/a?who=redacted&b=1');
});
