import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test("with a pushpin.conf the first client of a channel is sent to its origin again, as Pushpin's users expect", async (t) => {
  let requests = 0;
  const origin = await startOrigin(t, (_request, response) => {
    if (++requests === 1) response.writeHead(200, { 'Grip-Hold': 'response', 'Grip-Channel': 'a' }).end('timeout');
    else response.end('what was missed');
  });
  const [client] = await freePorts(1);
  const conf = `[runner]
http_port=127.0.0.1:${client}
[handler]
push_in_spec=
push_in_sub_specs=
command_spec=
push_in_http_port=-1
subscription_linger=5
`;
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', `${folder}/pushpin.conf`]);
  await program.logged('started');
  const held = await connectTo(t, `127.0.0.1:${client}`);
  const response = await held.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal(response.body, 'what was missed');
  assert.equal(requests, 2);
  held.reset();
});
