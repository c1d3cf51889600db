import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescriptorWatch } from '../../../src/app/descriptor-watch.ts';
import { FakeLog } from '../../support/fake-log.ts';

test('Each of 80 % and 95 % is reported once, and again only after the number has fallen well below', () => {
  const log = new FakeLog();
  let used = 0;
  const watch = new DescriptorWatch(log, { limit: () => 1_000, count: () => used });
  const reports: string[] = [];
  for (const [now, expected] of [
    [799, ''],
    [800, 'warn 800'],
    [810, ''],
    [790, ''],
    [805, ''],
    [950, 'error 950'],
    [1_000, ''],
    [910, ''],
    [960, ''],
    [890, ''],
    [950, 'error 950'],
    [700, ''],
    [990, 'error 990'],
  ] as const) {
    used = now;
    const before = log.at('warn').length + log.at('error').length;
    watch.look();
    const [warned, failed] = [log.at('warn'), log.at('error')];
    const news = warned.length + failed.length - before;
    const level = expected.split(' ')[0];
    const last = level === 'warn' ? warned.at(-1) : failed.at(-1);
    reports.push(expected);
    assert.equal(news, expected === '' ? 0 : 1, `at ${now}, after ${reports.join()}`);
    if (expected !== '') assert.match(JSON.stringify(last), new RegExp(`"used":${now},"limit":1000`));
  }
});

test('Where the limit or the number is not known nothing is reported', () => {
  const log = new FakeLog();
  new DescriptorWatch(log, { limit: () => null, count: () => 5 }).look();
  new DescriptorWatch(log, { limit: () => 1, count: () => null }).look();
  assert.equal(log.at('warn').length + log.at('error').length, 0);
});
