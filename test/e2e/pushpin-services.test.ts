import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { publishTo } from '../support/roles.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** Starts connmgr, and proxy with handler, as two instances of one folder. */
async function startApart(t: TestContext, routes: string) {
  const [clientPort = 0, controlPort = 0] = await freePorts(2);
  const shared = `[global]\nrundir=${temporaryFolder(t)}\n[runner]\nhttp_port=127.0.0.1:${clientPort}\n`;
  const publish = '[handler]\npush_in_spec=ipc://{rundir}/pull\npush_in_sub_specs=ipc://{rundir}/sub\n';
  const handler = `${publish}command_spec=ipc://{rundir}/command\npush_in_http_port=${controlPort}\n`;
  const folder = temporaryFolder(t, {
    'connmgr.conf': `${shared}services=connmgr\n`,
    'proxy.conf': `${shared}services=proxy,handler\n${handler}`,
    routes,
  });
  const start = async (file: string) => {
    const program = startHoldfast(t, ['pushpin', '--config', join(folder, file)], { cwd: folder });
    await program.logged('started');
    return program;
  };
  const connmgr = await start('connmgr.conf');
  const proxy = { program: await start('proxy.conf'), controlUrl: `http://127.0.0.1:${controlPort}` };
  return { connmgr, proxy, address: `127.0.0.1:${clientPort}` };
}

test('connmgr runs apart from proxy and handler: streams are held', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'news' }).end('open\n');
  });
  const { connmgr, proxy, address } = await startApart(t, `* ${origin}\n`);
  const client = await connectTo(t, address);
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('open\n');
  await publishTo(proxy, { channel: 'news', formats: { 'http-stream': { content: 'one\n' } } });
  await client.take('one\n');
  for (const program of [proxy.program, connmgr]) {
    const { code, stderr } = await program.stop();
    assert.deepEqual([code, stderr], [0, '']);
  }
});

test('connmgr runs apart from proxy and handler: WebSockets pass', async (t) => {
  const origin = await startWsOrigin(t);
  const { address } = await startApart(t, `* ${origin.address}\n`);
  const client = await openWs(t, `ws://${address}/`);
  const { peer } = await origin.accept();
  client.send('hello');
  assert.equal(await peer.next(), 'text hello');
});

test('the endpoints of connmgr are those of the file', async (t) => {
  const folder = temporaryFolder(t, {
    'pushpin.conf': [
      '[runner]',
      'services=proxy,handler',
      '[proxy]',
      'connmgr_in_specs=tcp://10.0.0.1:1,tcp://10.0.0.2:1',
      'connmgr_in_stream_specs=tcp://10.0.0.1:2,tcp://10.0.0.2:2',
      'connmgr_out_specs=tcp://10.0.0.1:3,tcp://10.0.0.2:3',
      'zurl_out_specs=ipc://{rundir}/zurl-in',
      'zurl_out_stream_specs=ipc://{rundir}/zurl-in-stream',
      'zurl_in_specs=ipc://{rundir}/zurl-out',
      '',
    ].join('\n'),
    routes: '* localhost:1\n',
  });
  const { stdout, stderr } = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd: folder });
  assert.equal(stderr, '');
  assert.match(stdout, /^listen = \[ {2}\]$|^listen = \[\]$/m);
  assert.match(stdout, /^zhttp = \[ "tcp:\/\/10\.0\.0\.1:1", "tcp:\/\/10\.0\.0\.2:1" \]$/m);
  assert.match(stdout, /^fetch = \[ "ipc:\/\/run\/zurl" \]$/m);
});

for (const [services, message] of [
  ['proxy', /proxy and handler are one here/],
  ['handler', /proxy and handler are one here/],
  ['other', /unknown service "other"/],
  ['', /names no service/],
] as const) {
  test(`services=${services} is an error`, async (t) => {
    const folder = temporaryFolder(t, { 'pushpin.conf': `[runner]\nservices=${services}\n`, routes: '* test\n' });
    const { code, stderr } = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}
