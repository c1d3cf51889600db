import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PacketType } from '../../src/codec/zhttp/index.ts';
import { manualClock, turn } from '../support/manual-clock.ts';
import { fc } from '../support/properties.ts';
import type { FakeFetch } from '../support/zhttp/fake-fetcher.ts';
import { type PacketFields, requestPacket, ServerRig } from '../support/zhttp/server-rig.ts';

const BUFFER = 100;
const MAX_BODY = 120;
const MAX_SESSIONS = 8;

const index = fc.nat({ max: MAX_SESSIONS - 1 });

const TYPES: readonly PacketType[] = [
  'data',
  'data',
  'data',
  'credit',
  'keep-alive',
  'ping',
  'pong',
  'close',
  'cancel',
  'error',
  'handoff-start',
  'handoff-start',
  'handoff-proceed',
];

const address = fc.constantFrom('me', 'me', 'me', 'you', '');

/** A first packet that is a request. */
const open = fc.record({
  do: fc.constant('open' as const),
  kind: fc.constantFrom('stream', 'stream', 'single', 'webSocket', 'webSocket', 'quiet', 'req'),
  from: fc.constantFrom('me', 'me', 'you'),
  more: fc.boolean(),
  body: fc.nat(60),
  length: fc.constantFrom('', '', '', '30', '0'),
  credits: fc.constantFrom(0, 30, 100),
  multi: fc.boolean(),
  routerResp: fc.boolean(),
  userData: fc.constantFrom(undefined, undefined, '1:u,'),
});

/** Any first packet. */
const first = fc.record({
  do: fc.constant('first' as const),
  req: fc.boolean(),
  id: fc.constantFrom('x', 'x', 'y', ''),
  from: address,
  seq: fc.constantFrom(0, 1, null),
  type: fc.constantFrom<PacketType>('data', 'data', 'data', 'cancel', 'ping'),
  method: fc.constantFrom('GET', 'POST', ''),
  uri: fc.constantFrom('http://a/', 'ws://a/', 'ftp://a/', 'http:', ''),
  more: fc.boolean(),
  stream: fc.boolean(),
});

/** What a requester that knows its trade sends. */
const proper = fc.record({
  do: fc.constant('proper' as const),
  session: index,
  type: fc.constantFrom<PacketType>('data', 'data', 'data', 'credit', 'keep-alive', 'ping', 'pong', 'handoff-start'),
  heir: fc.constantFrom(false, false, false, true),
  body: fc.nat(40),
  credits: fc.constantFrom(0, 30, 100),
  more: fc.boolean(),
});

/** What any other may send. */
const packet = fc.record({
  do: fc.constant('packet' as const),
  sessions: fc.uniqueArray(index, { minLength: 1, maxLength: 3 }),
  seq: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'wrong', 'none'),
  type: fc.constantFrom(...TYPES),
  from: address,
  oldFrom: fc.constantFrom('', '', 'me', 'you'),
  body: fc.nat(130),
  code: fc.constantFrom(0, 1000, 1006),
  credits: fc.constantFrom(0, 0, 5, 100),
  more: fc.boolean(),
  multi: fc.boolean(),
});

/** What an origin does. */
const origin = fc.record({
  do: fc.constant('origin' as const),
  session: index,
  act: fc.constantFrom('respond', 'respond', 'data', 'data', 'data', 'grant', 'grant', 'ping', 'pong', 'close', 'fail'),
  bytes: fc.nat(60),
  status: fc.constantFrom(200, 200, 404, 101),
  more: fc.constantFrom(true, true, false),
});

const command = fc.oneof(
  { weight: 6, arbitrary: open },
  { weight: 1, arbitrary: first },
  { weight: 20, arbitrary: proper },
  { weight: 3, arbitrary: packet },
  { weight: 25, arbitrary: origin },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('malformed' as const), session: index, where: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), session: index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(0.1, 1, 3) }) },
);

type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
type Step<D extends Command['do']> = Extract<Command, { do: D }>;

/** One session that was begun, and the account that is kept of it. */
interface Tracked {
  readonly id: string;
  readonly kind: Step<'open'>['kind'];
  readonly fetch: FakeFetch;
  from: string;
  /** Number of the requester's next packet. */
  nextSeq: number;
  /** Bytes that the requester has granted. */
  granted: number;
  /** Bytes that it may send, and what it has announced of its body or message. */
  window: number;
  more: boolean;
  closed: boolean;
}

/** Plays commands against an engine. Origins keep to the contract of exchanges; requesters to nothing. */
class Play {
  readonly rig: ServerRig;
  readonly #advance: (seconds: number) => void;
  readonly #sessions: Tracked[] = [];
  /** Packets that were sent to requesters for each session: those that were taken into account. */
  #seen = 0;
  readonly #next = new Map<string, number>();

  constructor(advance: (seconds: number) => void) {
    this.#advance = advance;
    this.rig = new ServerRig({
      bufferSize: BUFFER,
      maxBodyBytes: MAX_BODY,
      sessionTimeout: 6_000,
      activityTimeout: 9_000,
      maxOpenRequests: 4,
    });
  }

  async run(step: Command): Promise<void> {
    switch (step.do) {
      case 'open':
        this.#open(step);
        break;
      case 'first':
        this.#first(step);
        break;
      case 'proper':
        this.#proper(step);
        break;
      case 'packet':
        this.#packet(step);
        break;
      case 'origin':
        this.#origin(step);
        break;
      case 'malformed':
        this.#malformed(step);
        break;
      case 'lose':
        this.#lose(step.session);
        break;
      case 'turn':
        await turn();
        break;
      case 'wait':
        this.#advance(step.seconds);
        break;
    }
    this.#account();
  }

  /** Ends all that is left, by silence or because the engine stops, and checks the account. */
  async end(byStop: boolean): Promise<void> {
    if (byStop) await this.rig.engine.stop();
    else this.#advance(12);
    this.#account();
    this.rig.wheel.stop();
    await turn();
    const { counters, log, engine, fetcher } = this.rig;
    await engine.whenEmpty();
    for (const fetch of fetcher.fetches) assert.equal(fetch.ends, 1, 'each request has one end');
    const fetched = log.with('request complete').length;
    assert.equal(counters.sessionsOpen, 0);
    assert.equal(
      counters.sessions,
      fetched + counters.sessionsFailed + counters.sessionsCancelled,
      'each has an outcome',
    );
    assert.equal(counters.sessionsFailed, log.with('request failed').length);
    assert.equal(counters.sessionsCancelled, log.with('request cancelled').length);
    assert.equal(counters.requestsRefused, log.with('request refused').length);
    if (!byStop) assert.equal(this.rig.link.paused, false);
    for (const { id, fetch, kind } of this.#sessions) {
      if (kind === 'stream') assert.ok(fetch.window >= 0, id);
    }
  }

  /** Packets to requesters count on, and carry no more than was granted. */
  #account(): void {
    const { answers } = this.rig.link;
    for (; this.#seen < answers.length; this.#seen++) {
      const { packet, to } = answers[this.#seen] ?? assert.fail();
      for (const { id, seq } of packet.ids) {
        const tracked = this.#sessions.find((session) => session.id === id);
        // What answers a packet that cannot be read says nothing of the session with that id.
        if (seq === null || tracked === undefined || (to.startsWith('reply') && tracked.kind !== 'req')) continue;
        if (tracked.kind === 'req') {
          assert.match(to, /^reply/);
          continue;
        }
        assert.equal(seq, this.#next.get(id) ?? 0, `${id} counts on`);
        this.#next.set(id, seq + 1);
        assert.match(to, /(^| )(me|you|heir)$/);
        tracked.window += packet.credits;
        if (tracked.kind === 'single' || packet.type === 'close' || packet.condition === 'rejected') continue;
        tracked.granted -= packet.body.length;
        assert.ok(tracked.granted >= 0, `${id} keeps to its credits`);
      }
    }
  }

  #open({ kind, body, length, more: goesOn, do: _, ...fields }: Step<'open'>): void {
    if (this.#sessions.length === MAX_SESSIONS) return;
    const id = `s${this.#sessions.length}`;
    const webSocket = kind === 'webSocket';
    const more = goesOn && (kind === 'stream' || kind === 'single');
    const bytes = webSocket ? 0 : body;
    const ask: PacketFields = {
      ...fields,
      id: kind === 'quiet' ? '' : id,
      method: webSocket ? '' : 'POST',
      uri: webSocket ? 'ws://a/' : 'http://a/',
      stream: kind === 'stream',
      more,
      headers: length === '' ? [] : ['Content-Length', length],
      body: 'f'.repeat(bytes),
    };
    const asked = this.rig.fetcher.fetches.length;
    if (kind === 'req') this.rig.request({ ...ask, id });
    else this.rig.first(ask);
    if (this.rig.fetcher.fetches.length === asked) return;
    const { from, credits } = fields;
    const { last: fetch } = this.rig.fetcher;
    this.#sessions.push({ id, kind, fetch, from, nextSeq: 1, granted: credits, window: 0, more, closed: false });
  }

  #first({ do: _, req, ...fields }: Step<'first'>): void {
    if (req) this.rig.request(fields);
    else this.rig.first(fields);
  }

  #proper({ session, type, heir, body, credits, more }: Step<'proper'>): void {
    const tracked = this.#at(session);
    if (tracked === undefined || tracked.kind === 'quiet' || tracked.kind === 'req') return;
    const webSocket = tracked.kind === 'webSocket';
    const frame = type === 'data' || type === 'ping' || type === 'pong';
    let kind = type;
    if (frame && (webSocket ? tracked.fetch.status !== 101 || tracked.closed : !tracked.more)) kind = 'credit';
    else if (frame && !webSocket) kind = 'data';
    const bytes = kind === 'data' || kind === 'ping' || kind === 'pong' ? Math.min(body, tracked.window) : 0;
    tracked.window -= bytes;
    if (kind === 'data' && !webSocket) tracked.more = more;
    tracked.granted += credits;
    if (heir) tracked.from = 'heir';
    const fields = { from: tracked.from, type: kind, credits, body: 'b'.repeat(bytes), more: kind === 'data' && more };
    this.rig.followRaw(requestPacket({ ...fields, id: tracked.id, seq: tracked.nextSeq++ }));
  }

  #packet({ sessions, seq, body, do: _, ...fields }: Step<'packet'>): void {
    const refs: [string, number | null][] = [];
    for (const session of sessions) {
      const tracked = this.#at(session);
      if (tracked === undefined) continue;
      tracked.granted += fields.credits;
      if (fields.type === 'close') tracked.closed = true;
      if (seq === 'right') refs.push([tracked.id, tracked.nextSeq++]);
      else refs.push([tracked.id, seq === 'none' ? null : tracked.nextSeq + 3]);
    }
    if (refs.length > 0) this.rig.followRaw(requestPacket({ ...fields, body: 'x'.repeat(body) }, refs));
  }

  #origin({ session, act, bytes, status, more }: Step<'origin'>): void {
    const fetch = this.rig.fetcher.fetches[session % Math.max(1, this.rig.fetcher.fetches.length)];
    if (fetch === undefined || fetch.ended) return;
    const length = Math.min(bytes, fetch.window);
    if (act === 'grant') {
      if (bytes > 0) fetch.grant(bytes);
    } else if (act === 'fail') {
      fetch.fail('HF_ORIGIN_CLOSED');
    } else if (fetch.status === 0) {
      if (act === 'respond') fetch.respond({ status: status === 101 && !fetch.webSocket ? 200 : status });
    } else if (fetch.status !== 101) {
      if (act === 'data') fetch.data('d'.repeat(length), more);
    } else if (fetch.open) {
      if (act === 'data') fetch.message('m'.repeat(length), 'text', more);
      else if (act === 'ping') fetch.ping('p'.repeat(Math.min(length, 125)));
      else if (act === 'pong') fetch.pong('p'.repeat(Math.min(length, 125)));
      else if (act === 'close') fetch.close(1000, 'bye');
    }
  }

  #malformed({ session, where }: Step<'malformed'>): void {
    const payload = `J{"from":"me","id":"${this.#at(session)?.id ?? 'x'}","seq":"x"}`;
    if (where === 0) this.rig.firstRaw(payload);
    else if (where === 1) this.rig.followRaw(payload);
    else this.rig.requestRaw(payload);
  }

  #lose(session: number): void {
    const tracked = this.#at(session);
    if (tracked === undefined) return;
    const last = this.rig.link.answers.findLast(({ packet }) => packet.ids.some(({ id }) => id === tracked.id));
    if (last?.to.startsWith('router ')) this.rig.link.sink.onLost(tracked.from, last.bytes);
  }

  #at(session: number): Tracked | undefined {
    return this.#sessions[session % Math.max(1, this.#sessions.length)];
  }
}

test('whatever requesters and origins do, every session ends once, counts on and keeps to its credits', async (t) => {
  const advance = manualClock(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 5, maxLength: 80, size: 'max' }),
      fc.boolean(),
      async (steps, byStop) => {
        const play = new Play(advance);
        for (const step of steps) await play.run(step);
        await play.end(byStop);
      },
    ),
    { numRuns: 1_000, interruptAfterTimeLimit: 5_000 },
  );
});

test('no bytes do harm on any socket', async (t) => {
  manualClock(t);
  const words = fc.constantFrom(
    'T',
    'J',
    '{',
    '}',
    '5:',
    'abc',
    ',',
    '4:from,2:me,',
    '2:id,1:a,',
    '3:seq,1:1#',
    '!',
    '#',
  );
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.array(words, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(payload, fc.nat(2)), { maxLength: 20 }), async (messages) => {
      const rig = new ServerRig();
      const fetch = rig.stream({ from: 'somebody' });
      for (const [bytes, where] of messages) {
        if (where === 0) rig.firstRaw(bytes);
        else if (where === 1) rig.followRaw(bytes);
        else rig.requestRaw(bytes);
      }
      assert.equal(fetch.ended, false);
      assert.equal(rig.counters.packetsReceived, messages.length + 1);
      assert.equal(
        rig.link.take().filter((answer) => answer.startsWith('reply')).length,
        messages.filter(([, where]) => where === 2).length,
      );
      await rig.engine.stop();
      assert.equal(rig.counters.sessionsOpen, 0);
      rig.wheel.stop();
    }),
    { numRuns: 500, interruptAfterTimeLimit: 3_000 },
  );
});
