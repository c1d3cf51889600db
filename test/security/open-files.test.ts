import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LAUNCHER } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { Program } from '../support/program.ts';
import { connectTo, openTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** The answer on a new connection; empty if that was closed for want of a file. */
async function askAgain(t: TestContext, address: string): Promise<string> {
  try {
    return (await openTo(t, address).request(GET)).body;
  } catch {
    return '';
  }
}

test('a program at its open-file limit serves its clients, and accepts more when some leave', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('fine'));
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[control]\nlisten = []\n' });
  const limited = ['-c', 'ulimit -n 400 && exec "$@"', 'sh', process.execPath, LAUNCHER];
  const program = new Program(
    t,
    '/bin/sh',
    [...limited, 'run', '--port', '127.0.0.1:0', '--route', `* ${origin}`, '--route', `named localhost:9`],
    {
      cwd,
    },
  );
  const { clients } = await program.logged('started');
  const [address = ''] = clients as string[];
  const before = await connectTo(t, address);
  assert.equal((await before.request(GET)).body, 'fine');

  const crowd = Array.from({ length: 600 }, () => openTo(t, address));
  // Those for whom there is no file are closed.
  await Promise.any(crowd.map(({ ended }) => ended));
  assert.equal((await before.request(GET)).body, 'fine');
  await program.logged(
    'file descriptors are running out: raise the limit of open files (LimitNOFILE=, ulimit -n) or lower max_connections',
  );
  // A name whose lookup fails for want of a descriptor is not an unknown name.
  const failed = await before.request('GET / HTTP/1.1\r\nHost: named\r\n\r\n');
  assert.equal(failed.status, 503);
  assert.equal((await program.logged('request failed')).code, 'HF_OPEN_FILES');

  for (const client of crowd) client.socket.destroy();
  await Promise.all(crowd.map(({ closed }) => closed));
  // It may take a moment until the program has closed its ends.
  let body = '';
  while (body === '') body = await askAgain(t, address);
  assert.equal(body, 'fine');
  assert.equal((await before.request(GET)).body, 'fine');
  assert.equal((await program.stop()).code, 0);
});
