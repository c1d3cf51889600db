import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMachine, type Machine } from '../../../../src/app/doctor/check-machine.ts';

const NOW = Date.UTC(2026, 10, 28);
const GOOD: Machine = {
  node: '20.19.0',
  now: NOW,
  installed: NOW - 1_000,
  isSynchronized: true,
  resolver: '# made by hand\nnameserver 192.0.2.1\n',
};

const bad = (changes: Partial<Machine>) =>
  checkMachine({ ...GOOD, ...changes })
    .filter(({ status }) => status !== 'ok')
    .map(({ subject, status }) => `${status} ${subject}`);

test('A host as it should be has no complaint', () => {
  assert.deepEqual(bad({}), []);
  assert.deepEqual(bad({ node: '22.0.0', isSynchronized: false }), []);
});

test('An old Node.js, a clock before the installation, and no name server are found', () => {
  assert.deepEqual(bad({ node: '20.18.9' }), ['fail Node.js']);
  assert.deepEqual(bad({ node: '18.20.0' }), ['fail Node.js']);
  assert.deepEqual(bad({ installed: NOW + 90_000_000 }), ['fail clock']);
  assert.deepEqual(bad({ resolver: '#nameserver 192.0.2.1\n' }), ['warn resolver']);
  assert.deepEqual(bad({ resolver: null }), ['warn resolver']);
});
