import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_OVERLAY_BYTES, MAX_OVERLAY_ENTRIES, OverlayStore } from '../../../src/app/overlay-store.ts';
import { EMPTY_OVERLAY, parseOverlay } from '../../../src/config/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const overlay = {
  routes: { a: '* localhost:1', gone: null, ['__proto__']: 'p localhost:1' },
  certificates: { 'a.example': { cert: 'C', key: 'K' } },
  keys: { 'proxy.sig_key': 'secret' },
};

test('what is written is read back, by its owner only, and nothing else is left', async (t) => {
  const folder = join(temporaryFolder(t), 'state');
  const file = join(folder, 'overlay.json');
  const store = new OverlayStore(file);
  await store.write(EMPTY_OVERLAY);
  await store.write(overlay);
  assert.deepEqual(parseOverlay(readFileSync(file, 'utf8'), file), overlay);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(folder), ['overlay.json']);
});

test('too many entries, too many bytes and a folder that cannot be written leave the file as it is', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'overlay.json');
  const store = new OverlayStore(file);
  await store.write(overlay);
  const before = readFileSync(file, 'utf8');
  const many = Object.fromEntries(Array.from({ length: MAX_OVERLAY_ENTRIES + 1 }, (_, i) => [`r${i}`, null]));
  await assert.rejects(store.write({ ...EMPTY_OVERLAY, routes: many }), /^Error: at most 20000 routes/);
  const large = { a: 'x'.repeat(MAX_OVERLAY_BYTES) };
  await assert.rejects(store.write({ ...EMPTY_OVERLAY, routes: large }), /^Error: at most 16777216 bytes are kept$/);
  // A file stands where the folder would be.
  await assert.rejects(new OverlayStore(join(file, 'overlay.json')).write(EMPTY_OVERLAY), { code: 'EEXIST' });
  assert.equal(readFileSync(file, 'utf8'), before);
});
