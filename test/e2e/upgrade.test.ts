import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

/** Counts the outcomes of requests. */
class Outcomes {
  readonly counts: Record<string, number> = {};
  #stopped = false;

  stop(): void {
    this.#stopped = true;
  }

  /** Sends requests one after the other until `stop`. */
  async run(send: () => Promise<string>): Promise<void> {
    while (!this.#stopped) {
      const outcome = await send();
      this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
    }
  }
}

/** The status of a response, or the code of the failure. */
function status(agent: Agent, address: string, path = '/', body: string | null = null): Promise<string> {
  return new Promise((resolve) => {
    const [host, port] = address.split(':');
    const method = body === null ? 'GET' : 'POST';
    const sent = request({ agent, host, port, path, method }, (response) => {
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      response.on('end', () => resolve(String(response.statusCode))).resume();
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body ?? undefined);
  });
}

/** An origin that holds every client as a stream of the channel "a". */
function holdingOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (_, response) => {
    const headers = { 'Grip-Hold': 'stream', 'Grip-Channel': 'a', 'Content-Type': 'text/event-stream' };
    response.writeHead(200, headers).end('data: open\n\n');
  });
}

async function publish(control: string, content: string): Promise<void> {
  const body = JSON.stringify({ items: [{ channel: 'a', formats: { 'http-stream': { content } } }] });
  const response = await fetch(`http://${control}/publish`, { method: 'POST', body });
  assert.equal(response.status, 200);
}

const TOML = `[server]
listen = ["127.0.0.1:0"]
upgrade_timeout = 1
[control]
listen = ["127.0.0.1:0"]
`;

test('ten upgrades in a row under load refuse no connection and fail no request', { skip: SKIP }, async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': TOML });
  const program = startHoldfast(t, ['run', '--route', '* test'], { cwd });
  const server = new Upgraded(t, program);
  const { clients, publishers } = await program.logged('started');
  const [address = ''] = clients as string[];
  const [control = ''] = publishers as string[];
  const outcomes = new Outcomes();
  const kept = new Agent({ keepAlive: true });
  const single = new Agent({ keepAlive: false });
  t.after(() => kept.destroy());
  const item = JSON.stringify({ items: [{ channel: 'a', formats: { 'http-stream': { content: 'x' } } }] });
  const load = [
    outcomes.run(() => status(kept, address)),
    outcomes.run(() => status(kept, address)),
    outcomes.run(() => status(single, address)),
    outcomes.run(() => status(single, address)),
    outcomes.run(() => status(kept, control, '/publish', item)),
    outcomes.run(() => status(single, control, '/publish', item)),
  ];
  for (let i = 0; i < 10; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
  }
  outcomes.stop();
  await Promise.all(load);
  assert.deepEqual(Object.keys(outcomes.counts), ['200']);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('a held stream goes on in the new process, and gets what is published there', { skip: SKIP }, async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': TOML });
  const program = startHoldfast(t, ['run', '--route', `* ${await holdingOrigin(t)}`], { cwd });
  const server = new Upgraded(t, program);
  const { clients, publishers } = await program.logged('started');
  const [address = ''] = clients as string[];
  const [control = ''] = publishers as string[];
  const client = await connectTo(t, address);
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.take('data: open\n\n\r\n');
  await publish(control, 'data: before\n\n');
  await client.take('data: before\n\n\r\n');
  const old = server.pid;
  await server.upgrade();
  await server.gone(old);
  await publish(control, 'data: after\n\n');
  assert.equal(await client.take('data: after\n\n\r\n'), 'd\r\ndata: after\n\n\r\n');
  await server.stop();
  assert.deepEqual(program.errors(), []);
});
