import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, ExchangeError, reportFault } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

test('an exception is counted, logged with its stack, and becomes HF_INTERNAL', () => {
  const report = { counters: new Counters(), log: new FakeLog(false) };
  const error = reportFault(report, new Error('boom'), { id: '7-0' });
  assert.equal(error.code, 'HF_INTERNAL');
  assert.match(error.detail, /^Error: boom\n {4}at /);
  assert.equal(report.counters.faults, 1);
  assert.deepEqual(report.log.of('internal error'), [{ id: '7-0', code: 'HF_INTERNAL', detail: error.detail }]);
});

test('an error of the catalogue stays as it is', () => {
  const report = { counters: new Counters(), log: new FakeLog(false) };
  const error = new ExchangeError('HF_INTERNAL', 'known');
  assert.equal(reportFault(report, error), error);
  assert.deepEqual(report.log.of('internal error'), [{ code: 'HF_INTERNAL', detail: 'known' }]);
});
