import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser } from '../support/browser.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/tutorial/first-app.md'), 'utf8');

/** The code block that begins with `start`. */
function block(start: string): string {
  const found = [...PAGE.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].find(([, text = '']) => text.startsWith(start));
  return found?.[1] ?? assert.fail(`the tutorial has no block that begins with ${start}`);
}

/** Starts the application of the tutorial in a project that has installed the package. Returns its folder. */
function project(t: Parameters<typeof temporaryFolder>[0], port: number, controlUrl: string): string {
  const application = block('// app.mjs')
    .replace('listen(8000', `listen(${port}`)
    .replace('http://localhost:5561', controlUrl);
  const cwd = temporaryFolder(t, {
    'app.mjs': `${application}console.log('ready');\n`,
    'page.html': block('<!-- page.html -->'),
    'package.json': '{}',
  });
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(ROOT, join(cwd, 'node_modules', 'holdfast'));
  return cwd;
}

test('the application of the tutorial gets messages to a page in three ways, and may be restarted', async (t) => {
  const [chromium, curl] = [requirePeer(t, 'chromium'), requirePeer(t, 'curl')];
  if (chromium === null || curl === null) return;
  const [port = 0] = await freePorts(1);
  const route = /--route '([^']+)'/.exec(block('node app.mjs'))?.[1] ?? assert.fail('the tutorial has no route');
  const options = ['--route', route.replace('8000', String(port)), '--log-level', 'debug'];
  const { program, clients, controlUrl } = await runServer(t, options);
  const cwd = project(t, port, controlUrl);
  const application = new Program(t, process.execPath, ['app.mjs'], { cwd });
  await application.output(/ready/);

  const browser = await openBrowser(t, chromium);
  const tabs = [await browser.newPage(), await browser.newPage()];
  for (const tab of tabs) await tab.goto(`http://${clients[0]}/`);
  // Each mode twice: once for each window.
  for (const mode of ['stream', 'response', 'websocket']) {
    const first = await program.logged('hold', (record) => record.mode === mode);
    await program.logged('hold', (record) => record.mode === mode && record.id !== first.id);
  }
  /** Resolves when both windows show the text under this name. */
  const shown = (id: string, text: string) =>
    Promise.all(tabs.map((tab) => tab.locator(`#${id}`).getByText(text).waitFor()));
  const say = async (text: string): Promise<void> => {
    await tabs[0]?.locator('input').fill(text);
    await tabs[0]?.getByRole('button').click();
  };
  await say('hello');
  await Promise.all(['events', 'polled', 'socket'].map((id) => shown(id, 'hello')));

  const published = block('curl -d').split('\n')[0]?.replace('http://localhost:5561', controlUrl) ?? '';
  await new Program(t, '/bin/sh', ['-c', published.replace('curl', curl)]).output(/^Published\n/);
  await Promise.all(['events', 'socket'].map((id) => shown(id, 'from curl')));
  const command = /holdfast (publish room) '([^']+)'/.exec(PAGE) ?? assert.fail('the tutorial publishes nothing');
  await holdfast(t, ['publish', 'room', command[2] ?? '', '--spec', controlUrl]);
  await shown('socket', 'from the command line');

  application.kill('SIGTERM');
  await application.ended;
  await new Program(t, process.execPath, ['app.mjs'], { cwd }).output(/ready/);
  await say('still here');
  await Promise.all(['events', 'socket'].map((id) => shown(id, 'still here')));
});
