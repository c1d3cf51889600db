import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FakeMongrel2Server } from '../support/mongrel2/fake-server.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const HANDLER = `import { type HandlerEvent, Mongrel2Handler, type Receiver } from 'holdfast/mongrel2';

const [sendSpec = '', recvSpec = ''] = process.argv.slice(2);
const handler = new Mongrel2Handler({ sendSpec, recvSpec });
await handler.each((event: HandlerEvent): Promise<void> | void => {
  if (event.kind !== 'request') return;
  const to: Receiver = { uuid: event.uuid, ids: [event.id] };
  handler.respond(to, { body: event.body.length === 0 ? 'nothing' : event.body });
  if (event.path === '/stop') return handler.stop();
});
`;

/** A project that has installed the package. */
function project(folder: string): void {
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(ROOT, join(folder, 'node_modules', 'holdfast'));
  symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'));
}

test('a project that installs the package can import holdfast/mongrel2 with its types', async (t) => {
  const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, types: ['node'] };
  const folder = temporaryFolder(t, {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['handler.ts'] }),
    'handler.ts': HANDLER,
  });
  project(folder);
  const compiled = await new Program(t, process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], {
    cwd: folder,
  }).ended;
  assert.deepEqual([compiled.stdout, compiled.code], ['', 0]);

  const server = await FakeMongrel2Server.start(t);
  const handler = new Program(t, process.execPath, [join(folder, 'handler.js'), server.sendSpec, server.recvSpec]);
  await server.request(1, { method: 'POST' }, '', 'hello');
  assert.match((await server.answer()).body, /\r\n\r\nhello$/);
  await server.request(2, { target: '/stop' });
  assert.match((await server.answer()).body, /\r\n\r\nnothing$/);
  const { code, stderr } = await handler.ended;
  assert.deepEqual([code, stderr], [0, '']);
});

test('nothing else of the package can be imported', async (t) => {
  const folder = temporaryFolder(t, {
    'package.json': '{ "type": "module" }',
    'main.js': "await import('holdfast/dist/zmq/index.js');",
  });
  project(folder);
  const { code, stderr } = await new Program(t, process.execPath, [join(folder, 'main.js')]).ended;
  assert.equal(code, 1);
  assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});
