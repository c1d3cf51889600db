import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs } from '../support/websocket/ws-peers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GUIDE = readFileSync(join(ROOT, 'docs/how-to/node-modules.md'), 'utf8');

const APPLICATION =
  /^```js\n(\/\/ app\.mjs\n[\s\S]*?)^```$/m.exec(GUIDE)?.[1] ?? assert.fail('the guide has no application');
const ROUTE = /--route '([^']+)'/.exec(GUIDE)?.[1] ?? assert.fail('the guide has no route');

/** Uses all that the modules export, with its types. */
const TYPED = `import { createServer } from 'node:http';
import { expressGrip, fastifyGrip, fastifyWebSocket, type GripContext, gripListener, gripOf, honoGrip, honoWebSocket, type WebSocketContext, webSocketRoute } from 'holdfast/grip';
import { type Item, PublishError, Publisher } from 'holdfast/publish';

const handler = (socket: WebSocketContext, grip: GripContext): void => {
  if (socket.opening && grip.proxied) socket.accept();
};
createServer(gripListener((request, response) => {
  gripOf(request).holdStream([{ name: 'a', prevId: '1' }]);
  response.end();
})).close();
const item: Item = { httpStream: { action: 'close' }, wsMessage: { type: 'ping' } };
const publisher: Publisher = new Publisher('http://127.0.0.1:1', { retries: 0 });
try {
  await publisher.publish('a', item);
} catch (error) {
  if (error instanceof PublishError) console.log(error.status, error.maybePublished);
}
console.log([expressGrip, fastifyGrip, fastifyWebSocket, honoGrip, honoWebSocket, webSocketRoute].map((each) => typeof each(handler as never)).join());
`;

/** A project that has installed the package. */
function project(folder: string): void {
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(ROOT, join(folder, 'node_modules', 'holdfast'));
  symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'));
}

test('a project that installs the package can import holdfast/grip and holdfast/publish with their types', async (t) => {
  const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, types: ['node'] };
  const folder = temporaryFolder(t, {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['main.ts'] }),
    'main.ts': TYPED,
  });
  project(folder);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const compiled = await new Program(t, process.execPath, [tsc], { cwd: folder }).ended;
  assert.deepEqual([compiled.stdout, compiled.code], ['', 0]);
  const { code, stdout, stderr } = await new Program(t, process.execPath, [join(folder, 'main.js')]).ended;
  assert.deepEqual([stderr, code], ['', 0]);
  assert.equal(stdout, '0 false\nfunction,function,function,function,function,function\n');
});

test('the application of the guide holds a stream, a long-poll and a WebSocket, and publishes to them', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const [port] = await freePorts(1);
  const { program, clients, controlUrl } = await runServer(t, [
    '--route',
    ROUTE.replace('8000', String(port)),
    '--log-level',
    'debug',
  ]);
  const source = APPLICATION.replace('listen(8000', `listen(${port}`).replace('http://localhost:5561', controlUrl);
  const cwd = temporaryFolder(t, { 'app.mjs': `${source}console.log('ready');\n` });
  project(cwd);
  await new Program(t, process.execPath, ['app.mjs'], { cwd }).output(/ready/);
  const stream = new Program(t, curl, ['-sN', `http://${clients[0]}/`]);
  await stream.output(/^: welcome\n\n/);
  const next = new Program(t, curl, ['-s', `http://${clients[0]}/next`]);
  await program.logged('hold', ({ mode }) => mode === 'response');
  const socket = await openWs(t, `ws://${clients[0]}/chat`);
  await program.logged('hold', ({ mode }) => mode === 'websocket');
  await new Program(t, curl, ['-s', `http://${clients[0]}/publish`]).output(/^published\n/);
  await stream.output(/data: hello\n\n$/);
  assert.equal((await next.ended).stdout, 'hello\n');
  assert.equal(await socket.next(), 'text hello');
  socket.send('from a client');
  assert.equal(await socket.next(), 'text from a client');
});
