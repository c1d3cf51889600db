import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { listedCertificates } from '../../../src/app/listed-certificates.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { selfSigned } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('only regular files of at most 1 MB are read, and what is no certificate is not listed', async (t) => {
  const { certificate } = selfSigned({ names: ['a.test'], until: 90 });
  const padded = certificate.padEnd(1_048_576, '\n');
  const folder = temporaryFolder(t, {
    'a.test.crt': certificate,
    'full.test.crt': padded,
    'large.test.crt': `${padded}\n`,
    'none.test.crt': 'none',
  });
  execFileSync('mkfifo', [`${folder}/pipe.test.crt`]);
  symlinkSync('/dev/zero', `${folder}/device.test.crt`);
  const config = loadConfig(`[server]\nlisten = ["443,tls"]\ntls_identities_dir = "${folder}"\n`, 'f');
  const listed = await listedCertificates(config, {}, () => 'memory');
  assert.deepEqual(
    listed.map(({ name, names, source }) => ({ name, names, source })),
    ['a.test', 'full.test'].map((name) => ({ name, names: ['a.test'], source: 'file' })),
  );
});
