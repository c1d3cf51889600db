import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SITE = `
h = Handler(send_spec='ipc://run-send', send_ident='s', recv_spec='ipc://run-recv', recv_ident='')
main = Server(uuid="u1", chroot="./", access_log="/access.log", error_log="/error.log", pid_file="/pid",
  default_host="localhost", name="main", port=0, bind_addr="127.0.0.1",
  hosts=[Host(name="localhost", routes={ '/': h })])
servers = [main]
`;

/** The answer to GET of a path of the control port. */
async function ask(t: TestContext, args: readonly string[], files: Readonly<Record<string, string>>) {
  const cwd = temporaryFolder(t, files);
  const program = startHoldfast(t, args, { cwd });
  const { publishers } = await program.logged('started');
  const url = `http://${(publishers as string[])[0]}`;
  const metrics = await fetch(`${url}/metrics`);
  const publish = await fetch(`${url}/publish`, { method: 'POST', body: '{"items":[]}' });
  return { metrics, text: await metrics.text(), publish, why: await publish.text() };
}

for (const [name, args, files] of [
  ['condure', ['condure', '--listen', '127.0.0.1:0', '--zclient-stream', 'ipc://c'], {}],
  ['zurl', ['zurl', '--config', 'zurl.conf'], { 'zurl.conf': '[General]\nin_req_spec=ipc://z\n' }],
  ['mongrel2', ['mongrel2', 'site.conf'], { 'site.conf': SITE }],
  [
    'run with an edge alone',
    ['run'],
    { 'holdfast.toml': '[server]\nlisten = []\n[edge]\nlisten = ["127.0.0.1:0"]\nzclient_stream = ["ipc://c"]\n' },
  ],
] as const) {
  test(`${name} has a control port where it is asked for one, with metrics and nothing to publish to`, async (t) => {
    const { metrics, text, publish, why } = await ask(t, [...args, '--control-port', '0'], files);
    assert.equal(metrics.status, 200);
    assert.match(text, /^# TYPE holdfast_control_requests_total counter$/m);
    assert.equal(publish.status, 404);
    assert.match(why, /no proxy/);
  });
}

test('pushpin has its control port where the option says', async (t) => {
  const files = { 'pushpin.conf': '[proxy]\nhttp_port=0\n[handler]\npush_in_http_port=5561\n' };
  const args = ['pushpin', '--config', 'pushpin.conf', '--port', '127.0.0.1:0', '--route', '* test'];
  const { publish } = await ask(t, [...args, '--control-port', '0'], files);
  assert.equal(publish.status, 200);
});

test('an invalid address is refused by the name of the option', async (t) => {
  const { code, stderr } = await holdfast(t, ['condure', '--control-port', 'x']);
  assert.equal(code, 1);
  assert.match(stderr, /--control-port: /);
});
