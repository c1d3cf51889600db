import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from '../support/free-ports.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const START = fileURLToPath(new URL('../../examples/cluster/start.mjs', import.meta.url));

/** An EventSource: it comes back with the id of the last event that it has. */
class EventClient {
  readonly events: string[] = [];
  readonly #url: string;
  readonly #end = new AbortController();
  #id = '';
  /** Times that it was connected. */
  connected = 0;

  constructor(t: TestContext, url: string) {
    this.#url = url;
    t.after(() => this.#end.abort());
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        const headers: Record<string, string> = this.#id === '' ? {} : { 'Last-Event-ID': this.#id };
        const response = await fetch(this.#url, { headers, signal });
        if (response.ok) await this.#read(response);
      } catch {
        // It is tried again.
      }
      await setTimeout(50);
    }
  }

  async #read(response: Response): Promise<void> {
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString('latin1');
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const field = (name: string): string | undefined => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
    const [id, event, data] = [field('id'), field('event'), field('data')];
    if (this.#id === '') this.connected++;
    if (id !== undefined) this.#id = id;
    if (data !== undefined) this.events.push(event === undefined ? data : `${event}: ${data}`);
  }
}

test('in the example clients miss nothing when a node and a broker die', async (t) => {
  if (requirePeer(t, 'nats-server') === null || requirePeer(t, 'haproxy') === null) return;
  const ports = await freePorts(15);
  const env = { PORTS: ports.join(',') };
  const program = new Program(t, process.execPath, [START, temporaryFolder(t)], { env });
  const pidOf = async (name: string): Promise<number> =>
    Number((await program.output(new RegExp(`^${name} \\(process (\\d+)\\)$`, 'm')))[1]);
  // They have their own process groups: a test that fails before it could stop the script ends them, too.
  const names = ['nats1', 'nats2', 'nats3', 'node1', 'node2', 'node3', 'haproxy'];
  const pids = await Promise.all(names.map(pidOf));
  t.after(() => {
    for (const pid of pids) kill(pid);
  });
  await program.output(/Ctrl-C ends all/);
  const [balancer, publishing] = ports;
  const controls = ports.slice(12);
  const clients = [0, 1, 2].map(() => new EventClient(t, `http://127.0.0.1:${balancer}/events`));
  while (!clients.every(({ connected }) => connected > 0)) await setTimeout(20);

  const [, page = '', password] = await program.output(/^dashboard: +(\S+) .* password (\S+)\)$/m);
  const headers = { Authorization: `Basic ${Buffer.from(`operator:${password}`).toString('base64')}` };
  assert.match(await (await fetch(page)).text(), /<title>/);
  const login = await fetch(new URL('/session', page), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'operator', password }),
  });
  assert.equal(login.status, 200);
  const published: string[] = [];
  /** Publishes an item once: what is sent again has the same id. */
  const publish = async (urls: readonly string[]): Promise<void> => {
    const id = String(published.length);
    const body = JSON.stringify({
      items: [{ channel: 'demo', id, formats: { 'http-stream': { content: `data: ${id}\n\n` } } }],
    });
    for (let tries = 0; ; tries++) {
      const url = urls[tries % urls.length] as string;
      const answer = await fetch(`${url}/publish`, { method: 'POST', headers, body }).catch(() => null);
      if (answer?.ok) break;
      await setTimeout(50);
    }
    published.push(id);
  };
  const each = controls.map((port) => `http://127.0.0.1:${port}`);
  const all = async (): Promise<void> => {
    for (const { events } of clients) {
      while (events.length < published.length) {
        const other = events.find((text) => !published.includes(text));
        assert.equal(other, undefined, 'nothing else comes, such as a gap');
        await setTimeout(20);
      }
    }
  };
  /** Runs a command that the script has printed. */
  const printed = async (name: string): Promise<string> => {
    const [, command = ''] = await program.output(new RegExp(`^${name}: +(.*)$`, 'm'));
    return (await promisify(execFile)('/bin/sh', ['-c', command])).stdout;
  };
  // Each has to have heard of the others.
  while (!/node3 .* ready/.test(await printed('nodes')));
  await printed('publishers');
  published.push('hello');
  await all();
  for (const url of each) await publish([url]);
  await all();

  kill(pids[names.indexOf('node1')] as number);
  kill(pids[names.indexOf('nats1')] as number);
  await program.output(/^node1 has ended \(SIGKILL\)/m);
  for (let i = 0; i < 30; i++) await publish([each[i % 3] as string, `http://127.0.0.1:${publishing}`]);
  await all();
  for (const { events } of clients) assert.deepEqual(events, published);

  program.kill('SIGINT');
  await program.output(/^Ending all\. It takes up to 10 s/m);
  assert.equal((await program.ended).code, 0);
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
