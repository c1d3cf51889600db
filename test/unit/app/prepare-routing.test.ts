import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareRouting } from '../../../src/app/index.ts';
import { configOf } from '../../support/running-app.ts';

test('Routes are found, and nobody is trusted without a key', () => {
  const { routes, trust } = prepareRouting(configOf(['a.example,id=one localhost:1', '* localhost:2']));
  assert.equal(routes.byId('one')?.route.targets[0]?.port, 1);
  assert.equal(trust, null);
});

test('Keys are read from their files', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key.hex');
  writeFileSync(file, '73656372 6574\n');
  const keys = { sigKey: `file:${file}`, upstreamKey: `file:${file}` };
  const { routes, trust } = prepareRouting(configOf(['*,id=one localhost:1'], { proxy: keys }));
  assert.match(routes.byId('one')?.signer?.token() ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.notEqual(trust, null);
  writeFileSync(file, 'no key');
  assert.throws(() => prepareRouting(configOf(['* localhost:1'], { proxy: keys })), /holds neither PEM/);
});
