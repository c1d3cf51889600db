import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseInstruct } from '../../src/codec/grip/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const GUIDE = readFileSync(new URL('../../docs/how-to/hold-and-publish.md', import.meta.url), 'utf8');

/** The code block of the guide that begins with `start`. */
function block(start: string): string {
  const found = [...GUIDE.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].find(([, text = '']) => text.startsWith(start));
  return found?.[1] ?? assert.fail(`the guide has no block that begins with ${start}`);
}

/** The route of the guide. */
const ROUTE = /--route '([^']+)'/.exec(block('node app.mjs'))?.[1] ?? assert.fail('the guide has no route');

test('the application, clients and publish command of the guide work as described', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const [port] = await freePorts(1);
  const source = block('// app.mjs').replace('listen(8000', `listen(${port}`);
  const cwd = temporaryFolder(t, { 'app.mjs': `${source}console.log('ready');\n` });
  const application = new Program(t, process.execPath, ['app.mjs'], { cwd });
  await application.output(/ready/);
  const { program, clients, controlUrl } = await runServer(t, [
    '--route',
    ROUTE.replace('8000', String(port)),
    '--log-level',
    'debug',
  ]);
  const stream = new Program(t, curl, ['-sN', `http://${clients[0]}/stream`]);
  await stream.output(/^connected\n/);
  const next = new Program(t, curl, ['-s', `http://${clients[0]}/next`]);
  await program.logged('hold', ({ mode }) => mode === 'response');
  const body = /-d '([\s\S]*?)' http/.exec(block("curl -d '{"))?.[1] ?? assert.fail('the guide publishes nothing');
  await new Program(t, curl, ['-s', '-d', body, `${controlUrl}/publish/`]).output(/^Published\n/);
  await stream.output(/^connected\na line for the streams\n/);
  assert.equal((await next.ended).stdout, 'a whole response for those who poll\n');
  await holdfast(t, ['publish', '--spec', controlUrl, 'news', 'hello everybody']);
  await stream.output(/hello everybody\n$/);
});

test('the application of the guide that uses a client library holds a client', async (t) => {
  const [port] = await freePorts(1);
  const source = block('// library.mjs').replace('listen(8000', `listen(${port}`);
  const cwd = temporaryFolder(t, { 'library.mjs': `${source}console.log('ready');\n` });
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(cwd, 'node_modules'));
  const application = new Program(t, process.execPath, ['library.mjs'], { cwd });
  await application.output(/ready/);
  const options = ['--route', ROUTE.replace('8000', String(port)), '--log-level', 'debug'];
  const { program, clients } = await runServer(t, options);
  const response = await fetch(`http://${clients[0]}/`);
  assert.equal(response.status, 200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'connected\n');
  await program.logged('hold', ({ mode }) => mode === 'stream');
  await reader.cancel();
});

test('the instruct of the guide is valid', () => {
  const instruct = parseInstruct(
    200,
    'OK',
    ['Content-Type', 'application/grip-instruct'],
    Buffer.from(block('{\n  "hold"')),
  );
  assert.equal(instruct.hold?.mode, 'stream');
  assert.equal(instruct.hold?.keepAlive?.timeout, 20);
  assert.equal(instruct.response.body.toString(), 'connected\n');
});
