import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '@nats-io/transport-node';
import { startHoldingOrigin } from '../support/history/kept-channels.ts';
import { LAUNCHER } from '../support/holdfast.ts';
import { startNats } from '../support/nats.ts';
import { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SOURCE = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const LATER = new URL('../support/cluster/later-protocol.mjs', import.meta.url).href;

/** What runs a node of this version, and one of the next. */
const [THIS, NEXT] = [[LAUNCHER], ['--import', import.meta.resolve('tsx'), '--import', LATER, SOURCE]];

/** A node that runs. */
class Node {
  readonly #t: TestContext;
  readonly #program: Program;
  #clients = '';
  #control = '';

  private constructor(t: TestContext, program: Program) {
    this.#t = t;
    this.#program = program;
  }

  static async start(t: TestContext, version: readonly string[], toml: string): Promise<Node> {
    const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
    const node = new Node(t, new Program(t, process.execPath, [...version, 'run'], { cwd }));
    const { clients, publishers } = await node.#program.logged('started');
    [node.#clients, node.#control] = [(clients as string[])[0] ?? '', (publishers as string[])[0] ?? ''];
    return node;
  }

  async stream(channel: string) {
    const client = await connectTo(this.#t, this.#clients);
    client.write(`GET /?c=${channel} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.take(channel === 'kept' ? 'id: ' : '\r\n\r\n');
    return client;
  }

  async publish(channel: string, text: string): Promise<void> {
    const items = [{ channel, formats: { 'http-stream': { content: `data: ${text}\n\n` } } }];
    const response = await fetch(`http://${this.#control}/publish`, {
      method: 'POST',
      body: JSON.stringify({ items }),
    });
    assert.equal(response.status, 200);
  }

  /** Resolves when it knows so many nodes. */
  async knows(nodes: number): Promise<void> {
    await this.#program.output(new RegExp(`(?:joined the cluster[^]*){${nodes - 1}}`));
  }

  async stop(): Promise<void> {
    assert.equal((await this.#program.stop()).code, 0);
  }
}

test('nodes of two versions of the protocol run together, and the later ones change over when the last of the earlier has gone', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const origin = await startHoldingOrigin(t);
  const toml = `[server]\nlisten = ["127.0.0.1:0"]\n[control]\nlisten = ["127.0.0.1:0"]\n[cluster]\nnats = ["${nats.url}"]\n[[channel]]\nmatch = "kept"\nhistory_items = 100\n[[route]]\nhost = "*"\ntargets = ["${origin}"]\n`;
  // What goes over the broker, by its first byte.
  const tap = await connect({ servers: nats.url });
  t.after(() => tap.close());
  const seen = new Set<number>();
  tap.subscribe('holdfast.f.*.*', { callback: (_, { data }) => void seen.add(data[0] ?? 0) });
  await tap.flush();
  const old = await Node.start(t, THIS, toml);
  const fresh = await Node.start(t, NEXT, toml);
  await Promise.all([old.knows(2), fresh.knows(2)]);
  const nodes = [old, fresh];
  for (const channel of ['kept', 'other']) {
    const clients = await Promise.all(nodes.map((node) => node.stream(channel)));
    for (const [at, node] of nodes.entries()) {
      // What is not kept is lost as long as the broker does not know of the subscription.
      do await node.publish(channel, `from ${at}.`);
      while (channel === 'other' && !clients.every((client) => client.text.includes(`from ${at}.`)));
      for (const client of clients) await client.take(`from ${at}.`);
    }
  }
  assert.deepEqual([...seen], [1]);
  await old.stop();
  const clients = [await fresh.stream('kept'), await fresh.stream('other')];
  // It has to have heard that the other one has left, and been there for some seconds.
  for (let i = 0; !seen.has(2); i++) await fresh.publish('other', String(i));
  await fresh.publish('kept', 'last.');
  await clients[0]?.take('last.');
  const again = await Node.start(t, THIS, toml);
  await Promise.all([again.knows(2), fresh.knows(3)]);
  const late = await again.stream('kept');
  seen.clear();
  await fresh.publish('kept', 'for both.');
  for (const client of [late, clients[0] ?? assert.fail()]) await client.take('for both.');
  assert.deepEqual([...seen], [1]);
  await Promise.all([again.stop(), fresh.stop()]);
});
