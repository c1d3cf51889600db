import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ask, FilesFixture, responseOf } from './support.ts';

/** Lets a function of the file system fail in this test. */
function failing(t: TestContext, name: 'open' | 'readlink', code: string): void {
  t.mock.method(promises, name, () => Promise.reject(Object.assign(new Error(code), { code, errno: undefined })));
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

for (const code of ['EMFILE', 'ENFILE']) {
  test(`${code}: no descriptor is left`, async (t) => {
    const fixture = new FilesFixture(t, { f: 'x' });
    failing(t, 'open', code);
    const error = await ask(fixture.service(), '/f').failed();
    assert.equal(error.code, 'HF_OPEN_FILES');
    assert.equal(fixture.counters.filesRefused, 1);
  });
}

for (const code of ['EIO', 'ESTALE', 'EUNKNOWN']) {
  test(`${code}: the file cannot be read, and this is logged`, async (t) => {
    const fixture = new FilesFixture(t, { f: 'x' });
    failing(t, 'open', code);
    const error = await ask(fixture.service(), '/f').failed();
    assert.equal(error.code, 'HF_FILE_FAILED');
    assert.equal(error.detail, `f: ${code}`);
    assert.equal(fixture.counters.filesFailed, 1);
    assert.equal(fixture.log.records.filter(({ level }) => level === 'warn').length, 1);
  });
}

for (const code of ['ENOENT', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO']) {
  test(`${code}: there is no such file for clients`, async (t) => {
    const fixture = new FilesFixture(t, { f: 'x' });
    failing(t, 'open', code);
    assert.equal(await responseOf(ask(fixture.service(), '/f')), '404 Not Found');
    assert.equal(fixture.counters.filesFailed, 0);
  });
}

test('a system that does not tell the path of an open file is asked for that of its name', async (t) => {
  const fixture = new FilesFixture(t, { 'site/f': 'x', outside: 'secret' });
  const root = join(fixture.folder, 'site');
  symlinkSync('f', join(root, 'in'));
  symlinkSync('../outside', join(root, 'out'));
  failing(t, 'readlink', 'ENOENT');
  const service = fixture.service({ root });
  assert.equal(await responseOf(ask(service, '/f')), '200 x');
  assert.equal(await responseOf(ask(service, '/in')), '200 x');
  assert.equal(await responseOf(ask(service, '/out')), '404 Not Found');
});
