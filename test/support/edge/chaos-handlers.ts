import { randomBytes } from 'node:crypto';
import { type Chaos, pause } from '../../security/chaos/chaos.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Handler, HandlerSession, ResponseFields } from './handler.ts';

/** Serves what ordinary clients ask for, and lets hostile handlers act where a client asks for that: `/bad`. */
export class ChaosHandlers {
  /** Sessions that get a numbered tick now and then. */
  readonly #held = new Set<HandlerSession>();
  readonly #chaos: Chaos;
  readonly #good: Handler;
  readonly #bad: readonly Handler[];
  readonly #random: SeededRandom;

  constructor(chaos: Chaos, good: Handler, bad: readonly Handler[], random: SeededRandom) {
    this.#chaos = chaos;
    this.#good = good;
    this.#bad = bad;
    this.#random = random;
    void this.#serve();
    chaos.ordinary('ticks', async () => {
      for (let number = 0; chaos.going; number++) {
        await this.#tick(`tick ${number}\n`);
        chaos.count('tick');
        await pause(200);
      }
      for (const session of this.#held) await session.send({});
    });
  }

  async #tick(text: string): Promise<void> {
    const sessions = [...this.#held];
    for (let at = 0; at < sessions.length; at += 128) {
      await this.#good.broadcast(sessions.slice(at, at + 128), { body: Buffer.from(text), more: true });
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      const session = await this.#good.request();
      const { uri } = session.first;
      const path = uri.slice(uri.indexOf('/', uri.indexOf('//') + 2));
      const serving = path.startsWith('/bad') ? this.#misbehave(session) : this.#respond(session, path);
      // What ends early because its client has left is no failure; wrong numbers are.
      serving.catch(() => {
        for (const what of session.misnumbered) this.#chaos.fail(`${path}: ${what}`);
      });
    }
  }

  async #respond(session: HandlerSession, path: string): Promise<void> {
    const { method, uri, more } = session.first;
    if (uri.startsWith('ws')) return this.#converse(session);
    if (path.startsWith('/ticks')) {
      await session.send({ code: 200, more: true });
      this.#held.add(session);
      await session.next('cancel').finally(() => this.#held.delete(session));
    } else if (path.startsWith('/large/') || path === '/heavy') {
      await session.send({ code: 200, more: true });
      await session.sendBody(Buffer.alloc(path === '/heavy' ? 3_000_000 : Number(path.slice('/large/'.length)), 'x'));
    } else if (path === '/dead') {
      await session.respond('Error while proxying to origin.\n', { code: 502, reason: '' });
    } else {
      if (more) await session.send({ type: 'credit', credits: 20_000 });
      const body = more ? await session.takeBody() : '';
      await session.send({ code: 200, more: true });
      await session.sendBody(Buffer.from(`${method} ${path} ${body}`));
    }
  }

  /** Gives every message back as it came, and answers pings and closes. */
  async #converse(session: HandlerSession): Promise<void> {
    await session.send({ code: 101, credits: 20_000 });
    for (;;) {
      const packet = await session.nextOf(['data', 'ping', 'pong', 'close']);
      if (packet.type === 'close') {
        await session.send({ type: 'close', code: packet.code, body: packet.body });
        return;
      }
      const credits = packet.body.length;
      if (packet.type === 'pong') await session.send({ type: 'credit', credits });
      else if (packet.type === 'ping') await session.send({ type: 'pong', body: packet.body, credits });
      else {
        await session.send({ type: 'credit', credits });
        await session.sendBody(packet.body, { contentType: packet.contentType, more: packet.more });
      }
    }
  }

  /** Another handler, a hostile one, has the session. */
  async #misbehave(session: HandlerSession): Promise<void> {
    const random = this.#random.fork();
    const taken = random.pick(this.#bad).take(session);
    for (let acts = 1 + random.below(3); acts > 0; acts--) {
      await random.pick(MISDEEDS)(taken, random);
      this.#chaos.count('hostile handler');
      await pause(random.below(200));
    }
  }
}

const STRANGE_FIELDS: readonly ResponseFields[] = [
  { type: 'error', condition: 'x' },
  { type: 'cancel' },
  { type: 'strange' },
  { type: 'handoff-start' },
  { type: 'handoff-proceed' },
  { type: 'close', code: 1 },
  { type: 'close', code: 65_535, body: Buffer.alloc(10_000) },
  { type: 'ping', body: Buffer.alloc(10_000) },
  { type: 'pong' },
  { type: 'credit', credits: Number.MAX_SAFE_INTEGER },
  { type: 'credit', credits: 0 },
  { code: 0 },
  { code: 100 },
  { code: 101, body: Buffer.from('body') },
  { code: 101 },
  { code: 65_535 },
  { code: 200, reason: '\r\n\r\nHTTP/1.1 200 OK' },
  { code: 200, headers: ['X\r\nY', 'z'] },
  { code: 200, headers: ['X', 'y\r\nContent-Length: 0\r\n\r\n'] },
  { code: 200, headers: ['Content-Length', '5'], body: Buffer.from('too long') },
  { code: 200, headers: ['Content-Length', '50'], body: Buffer.from('too short') },
  { code: 200, headers: ['Content-Length', '-1'] },
  { code: 200, headers: new Array(400).fill('x') },
  { code: 200, body: Buffer.alloc(1_000_000) },
  { code: 200, body: Buffer.from('begun'), more: true },
  { code: 304, body: Buffer.from('begun'), more: true },
  { body: Buffer.alloc(100), more: true },
  {},
];

type Misdeed = (session: HandlerSession, random: SeededRandom) => Promise<unknown>;

/** What hostile handlers do to sessions that they have, and to the edge in general. */
const MISDEEDS: readonly Misdeed[] = [
  (session, random) => session.send(random.pick(STRANGE_FIELDS)),
  (session, random) => session.send(random.pick(STRANGE_FIELDS)),
  (session, random) => session.send(random.pick(STRANGE_FIELDS)),
  (session, random) => {
    session.nextOut = random.below(1_000_000);
    return session.send(random.pick(STRANGE_FIELDS));
  },
  async (session, random) => {
    for (let i = 0; i < 500; i++)
      await session.send(random.pick([{ type: 'keep-alive' }, { body: Buffer.alloc(100), more: true }]));
  },
  // Silence: the session expires.
  () => Promise.resolve(),
  (session, random) => session.publish(`condure ${random.pick(['T', 'J', '', 'T999999999:', 'T5:abc', 'T0:}'])}`),
  (session) => session.publish(Buffer.concat([Buffer.from('condure T'), randomBytes(2_000)])),
  (session, random) => session.publish(Buffer.alloc(random.below(300_000), 'condure ')),
  (session, random) => {
    const id = session.id;
    const ids = Array.from({ length: 1 + random.below(128) }, () => ({
      id: random.pick([id, `${id}1`, 'x', '']),
      seq: random.below(3),
    }));
    return session.sendFor(ids, random.pick(STRANGE_FIELDS));
  },
];
