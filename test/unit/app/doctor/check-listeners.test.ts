import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { checkListeners } from '../../../../src/app/doctor/check-listeners.ts';
import { listeningProcess } from '../../../../src/app/doctor/listening-process.ts';
import { fetchPlans } from '../../../../src/app/index.ts';
import type { ServerListener } from '../../../../src/config/index.ts';
import { loadConfig, parseListenAddress } from '../../../../src/config/index.ts';
import { bindUnix } from '../../../../src/net/unix-listener.ts';
import { configOf } from '../../../support/running-app.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const SKIP = existsSync('/proc/net/tcp') ? false : 'processes cannot be listed here';

async function found(...addresses: string[]) {
  const listen = addresses.map((text) => parseListenAddress(text) as ServerListener);
  const config = configOf(['* localhost:1'], { server: { listen }, control: { listen: [] } });
  return (await checkListeners(config)).map(({ subject, status, text }) => ({ subject, status, text }));
}

async function listening(t: TestContext, where: string | number): Promise<number> {
  const server = createServer().listen(...((typeof where === 'string' ? [where] : [where, '127.0.0.1']) as [string]));
  await once(server, 'listening');
  t.after(() => server.close());
  return typeof where === 'string' ? 0 : (server.address() as AddressInfo).port;
}

test('A free address is ok, and stays free', async () => {
  const free = [{ subject: '127.0.0.1:0', status: 'ok', text: 'any free port' }];
  assert.deepEqual(await found('127.0.0.1:0'), free);
});

test('An address in use is a failure that names the program', { skip: SKIP }, async (t) => {
  const port = await listening(t, 0);
  const owner = listeningProcess({ kind: 'tcp', host: null, port });
  assert.equal(owner?.pid, process.pid);
  const [finding] = await found(`127.0.0.1:${port}`);
  const ours = /holdfast/.test(owner?.command ?? '');
  assert.equal(finding?.status, ours ? 'ok' : 'fail');
  assert.match(finding?.text ?? '', new RegExp(`^in use by .* \\(pid ${process.pid}\\)$`));
});

test('An address that no interface has is a failure', async () => {
  const [finding] = await found('192.0.2.1:8080');
  assert.deepEqual([finding?.status, finding?.text], ['fail', 'no network interface has this address']);
});

test('Unix sockets: free, in use, and a path that is taken or not there', async (t) => {
  const folder = temporaryFolder(t, { file: '' });
  await listening(t, `${folder}/used`);
  const findings = await found(`unix:${folder}/free`, `unix:${folder}/file`, `unix:${folder}/none/socket`);
  assert.deepEqual(
    findings.map(({ status }) => status),
    ['ok', 'fail', 'fail'],
  );
  const [used] = await found(`unix:${folder}/used`);
  assert.match(used?.text ?? '', /^in use by /);
});

test('A socket that had a temporary name at first is found by it, as long as its process can be told', {
  skip: SKIP,
}, async (t) => {
  const folder = temporaryFolder(t);
  const unix = (path: string) => ({ kind: 'unix' as const, path, mode: null, user: null, group: null });
  const bound = async (name: string) => {
    const server = createServer();
    t.after(() => server.close());
    await bindUnix(unix(`${folder}/${name}`), async (path) => {
      server.listen(path);
      await once(server, 'listening');
    });
  };
  await bound('one');
  await bound('other');
  const owner = listeningProcess(unix(`${folder}/one`));
  assert.equal(owner?.pid, process.pid);
  assert.equal(listeningProcess(unix('/none')), null);
});

test('The socket file of a program that was killed is no obstacle', async (t) => {
  const folder = temporaryFolder(t);
  const script = `require('net').createServer().listen('${folder}/left', () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  const [left] = await found(`unix:${folder}/left`);
  assert.deepEqual([left?.status, left?.text], ['ok', 'left over from a program that has ended: it will be replaced']);
});

test('the endpoints that the edge, the fetch role and the session state service bind are looked at', async (t) => {
  const folder = temporaryFolder(t);
  await listening(t, `${folder}/client-out`);
  const toml = (connect: boolean) => `[publish]
state = ["ipc://${folder}/state"]
[edge]
listen = ["127.0.0.1:0,stream", "127.0.0.1:0,req"]
zclient_stream = ["ipc://${folder}/client"]
zclient_req = ["ipc://${folder}/req"]
zclient_connect = ${connect}
[fetch]
stream = ["ipc://${folder}/none/fetch"]
connect = ${connect}
[[route]]
host = "*"
targets = ["a:1"]
`;
  const look = async (connect: boolean) => {
    const config = loadConfig(toml(connect), 'f');
    const findings = await checkListeners(config, fetchPlans(config));
    const endpoints = findings.filter(({ subject }) => subject.startsWith('ipc:'));
    return endpoints.map(({ subject, status }) => `${status} ${subject.slice(`ipc://${folder}/`.length)}`);
  };
  assert.deepEqual(await look(true), ['ok state']);
  const [used = '', ...others] = await look(false);
  // Whether the program that listens is Holdfast is told by its command line.
  assert.match(used, /^(?:ok|fail) client-out$/);
  assert.deepEqual(others, [
    'ok client-out-stream',
    'ok client-in',
    'ok req',
    'fail none/fetch-in',
    'fail none/fetch-in-stream',
    'fail none/fetch-out',
    'ok state',
  ]);
});
