import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublishException, Publisher } from '@fanoutio/grip';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('the library publishes with a key to an endpoint that requires a JWT, and not with another key', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'room' }).end('begin\n');
  });
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[control]\nbearer_key = "secret"\nbearer_iss = "app"\n' });
  const ports = ['--port', '127.0.0.1:0', '--control-port', '127.0.0.1:0'];
  const program = startHoldfast(t, ['run', ...ports, '--route', `* ${origin}`], { cwd });
  const { clients, publishers } = await program.logged('started');
  const controlUrl = `http://${(publishers as string[])[0]}`;
  const client = await connectTo(t, (clients as string[])[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.take('begin\n');
  const other = new Publisher({ control_uri: controlUrl, control_iss: 'app', key: 'other' });
  await assert.rejects(other.publishHttpStream('room', 'forged\n'), (error: unknown) => {
    assert.ok(error instanceof PublishException);
    assert.equal(error.context.statusCode, 401);
    return true;
  });
  const publisher = new Publisher({ control_uri: controlUrl, control_iss: 'app', key: 'secret' });
  await Promise.all(['one', 'two', 'three'].map((text) => publisher.publishHttpStream('room', `${text}\n`)));
  await publisher.publishHttpStream('room', 'last\n');
  assert.deepEqual((await client.take('last\n')).match(/forged|one|two|three|last/g)?.sort(), [
    'last',
    'one',
    'three',
    'two',
  ]);
});
