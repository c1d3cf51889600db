import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../support/manual-clock.ts';
import { handlerOf } from '../support/mongrel2/site.ts';
import { type SiteRig, startSite, type TestHandler } from '../support/mongrel2/site-rig.ts';
import type { RawClient } from '../support/raw-client.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { settled } from '../support/settled.ts';

const CLIENTS = 400;
const HOST = 'Host: localhost\r\n';
const GET = `GET /h HTTP/1.1\r\n${HOST}\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** What clients do, one after the other, until one of these ends the connection. */
const CLIENT_DEEDS: readonly ((client: RawClient, random: SeededRandom) => unknown)[] = [
  (client) => client.write(GET),
  (client, random) => client.write(GET.repeat(random.below(20) + 1)),
  (client, random) => client.write(GET.slice(0, random.below(GET.length))),
  (client, random) =>
    client.write(`POST /h HTTP/1.1\r\n${HOST}Content-Length: 5000\r\n\r\n${'x'.repeat(random.below(5_001))}`),
  (client, random) =>
    client.write(
      `POST /h HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n${random.below(2) === 0 ? '0\r\n\r\n' : 'x'}`,
    ),
  (client) => client.write(`GET /none HTTP/1.1\r\n${HOST}\r\n`),
  (client) => client.write('\0\xff garbage\r\n\r\n'),
  (client) => client.socket.pause(),
  (client) => client.socket.resume(),
  (client) => client.end(),
  (client) => client.socket.destroy(),
];

/** A handler that answers as it likes. It remembers of which connections it need not hear again. */
class WildHandler {
  /** Connections that it was given, and how many notices of each came. */
  readonly notices = new Map<number, number>();
  /** Those that it has closed. */
  readonly closed = new Set<number>();
  readonly #handler: TestHandler;
  readonly #random: SeededRandom;

  constructor(handler: TestHandler, random: SeededRandom) {
    this.#handler = handler;
    this.#random = random;
  }

  /** Takes the next message, and does something. */
  async act(): Promise<void> {
    const { id, path } = await this.#handler.next();
    if (path === '@*') {
      this.notices.set(id, (this.notices.get(id) ?? 0) + 1);
      return;
    }
    if (!this.notices.has(id)) this.notices.set(id, 0);
    const random = this.#random;
    switch (random.below(9)) {
      case 0:
        this.closed.add(id);
        this.#handler.answer(id, OK);
        this.#handler.answer(id, '');
        break;
      case 1:
        this.closed.add(id);
        this.#handler.control(id, { cancel: true });
        break;
      case 2:
        this.#handler.answer([...this.notices.keys()].slice(-128), OK);
        break;
      case 3:
        for (let i = random.below(4); i >= 0; i--) this.#handler.answer(id, Buffer.alloc(random.below(300_000)));
        break;
      case 4:
        this.#handler.publish(`SERVER 3:1 2, ${'x'.repeat(random.below(100))}`.slice(0, random.below(60)));
        break;
      case 5:
        this.#handler.control(id, { keepAlive: true, credits: 10 });
        break;
      case 6:
        break;
      default:
        this.#handler.answer(id, OK);
    }
  }
}

/** Some of the clients behave. Every one of them is served, whatever the others do. */
async function behave(rig: SiteRig, done: () => boolean): Promise<number> {
  let served = 0;
  while (!done()) {
    const client = await rig.connect();
    const { status, body } = await client.request(`GET /good HTTP/1.1\r\n${HOST}\r\n`);
    assert.deepEqual([status, body], [200, 'fine']);
    client.end();
    await client.ended;
    served++;
  }
  return served;
}

for (const seed of [1, 2, 3]) {
  test(`wild clients and a wild handler leave nothing behind, and handlers hear of every end: seed ${seed}`, {
    timeout: 120_000,
  }, async (t) => {
    const random = new SeededRandom(seed);
    const routes = [
      { path: '/h', target: handlerOf() },
      { path: '/good', target: { kind: 'proxy', host: 'origin', port: 80 } as const },
    ];
    const rig = await startSite(t, {
      unix: true,
      routes,
      maxClientBytes: 300_000,
      service: (_request, requester) => {
        requester.onResponse({ status: 200, reason: '', headers: [], bodyLength: 4 });
        requester.onResponseData(Buffer.from('fine'), false);
        return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
      },
    });
    const wild = new WildHandler(await rig.handler(), random);
    let over = false;
    const acting = (async () => {
      for (;;) await wild.act();
    })();
    acting.catch(() => {});
    const behaving = behave(rig, () => over);
    let left = CLIENTS;
    const one = async () => {
      while (left-- > 0) {
        const client = await rig.connect();
        client.write(GET);
        for (let deeds = random.below(20); deeds > 0 && !client.socket.destroyed; deeds--) {
          const deed = CLIENT_DEEDS[random.below(CLIENT_DEEDS.length)];
          if (!client.socket.writableEnded) deed?.(client, random);
          for (let turns = random.below(40); turns > 0; turns--) await turn();
        }
        client.socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: 20 }, one));
    over = true;
    assert.ok((await behaving) > 0);
    assert.ok(rig.counters.answersReceived > CLIENTS / 2, 'most clients got as far as the handler');
    await settled(() => rig.serverCounters.connectionsOpen + rig.counters.messagesSent + rig.counters.answersReceived);
    assert.equal(rig.serverCounters.connectionsOpen, 0);
    assert.equal(rig.counters.clientsOpen, 0);
    assert.equal(rig.site.connections.size, 0);
    assert.equal(rig.site.held.bytes, 0);
    assert.equal(rig.site.inputs.bytes, 0);
    assert.equal(rig.counters.faults + rig.serverCounters.faults + rig.zmq.faults, 0);
    for (const [id, notices] of wild.notices) {
      assert.ok(notices > 0 || wild.closed.has(id), `connection ${id} is gone, and its handler does not know`);
    }
  });
}
