import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PacketType } from '../../src/codec/zhttp/index.ts';
import { UNKNOWN_LENGTH } from '../../src/exchange/index.ts';
import type { RecordingRequester } from '../support/exchange/recording-requester.ts';
import { manualClock } from '../support/manual-clock.ts';
import { fc } from '../support/properties.ts';
import { EdgeRig } from '../support/zhttp/edge-rig.ts';
import type { ResponseFields } from '../support/zhttp/fake-handler-link.ts';

const INITIAL_CREDITS = 100;
const CLIENT_WINDOW = 150;

const index = fc.nat({ max: 7 });

const TYPES: readonly PacketType[] = [
  'credit',
  'keep-alive',
  'keep-alive',
  'handoff-start',
  'handoff-start',
  'ping',
  'pong',
  'close',
  'cancel',
  'error',
  'handoff-proceed',
];

/** What a handler that knows its trade sends. */
const proper = fc.record({
  do: fc.constant('proper' as const),
  session: index,
  type: fc.constantFrom<PacketType>(
    'data',
    'data',
    'data',
    'credit',
    'credit',
    'keep-alive',
    'ping',
    'pong',
    'handoff-start',
  ),
  from: fc.constantFrom('h1', 'h1', 'h2'),
  body: fc.nat(40),
  credits: fc.constantFrom(0, 30, 100),
  more: fc.boolean(),
  multi: fc.boolean(),
});

/** What any other may send. */
const packet = fc.record({
  do: fc.constant('packet' as const),
  sessions: fc.uniqueArray(index, { minLength: 1, maxLength: 3 }),
  seq: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'right', 'right', 'wrong', 'none'),
  type: fc.oneof({ weight: 3, arbitrary: fc.constant('data' as const) }, fc.constantFrom(...TYPES)),
  from: fc.constantFrom('h1', 'h1', 'h1', 'h2', ''),
  body: fc.nat(130),
  credits: fc.constantFrom(0, 0, 5, 100),
  code: fc.constantFrom(0, 101, 101, 200, 200, 200, 404, 1000, 1006),
  condition: fc.constantFrom('', 'rejected'),
  lengths: fc.constantFrom([], [], [], ['20'], ['1', '2']),
  more: fc.boolean(),
  multi: fc.boolean(),
  contentType: fc.constantFrom('', 'binary'),
});

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('request' as const), body: fc.boolean(), greedy: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('webSocket' as const), greedy: fc.boolean() }) },
  { weight: 25, arbitrary: proper },
  { weight: 2, arbitrary: packet },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('send' as const), session: index, bytes: fc.nat(60), more: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ping' as const), session: index, bytes: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), session: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), session: index }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('grant' as const), session: index, bytes: fc.integer({ min: 1, max: 99 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('malformed' as const), session: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), session: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('losing' as const), session: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), session: index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(0.1, 1, 3) }) },
);

type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
type ProperCommand = Extract<Command, { do: 'proper' }>;
type PacketCommand = Extract<Command, { do: 'packet' }>;

/** One session and the account that is kept of it. */
interface Tracked {
  readonly id: string;
  readonly client: RecordingRequester;
  /** Whether it asks for a WebSocket. */
  readonly webSocket: boolean;
  /** Whether the client has more of its body, or has not closed. */
  open: boolean;
  /** Number of the handler's next packet. */
  nextSeq: number;
  /** Bytes that its handler has granted. */
  granted: number;
}

/** Plays commands against an edge. Its clients keep to the contract of exchanges; its handlers to nothing. */
class Play {
  readonly rig: EdgeRig;
  readonly #advance: (seconds: number) => void;
  readonly #sessions: Tracked[] = [];
  readonly #losing = new Set<string>();

  constructor(advance: (seconds: number) => void, withdrawable: boolean) {
    this.#advance = advance;
    this.rig = new EdgeRig({ initialCredits: INITIAL_CREDITS, sessionTimeout: 6_000, streamTimeout: 9_000 });
    this.rig.link.withdrawable = withdrawable;
    this.rig.link.onRouted = ({ packet }) => {
      for (const { id } of packet.ids) if (this.#losing.has(id)) this.rig.link.lose(id);
    };
  }

  run(step: Command): void {
    if (step.do === 'request' || step.do === 'webSocket') {
      this.#open(step);
      return;
    }
    if (step.do === 'wait') {
      this.#advance(step.seconds);
      return;
    }
    if (step.do === 'packet') {
      this.#packet(step);
      return;
    }
    const tracked = this.#at(step.session);
    if (tracked === undefined) return;
    const { client, id } = tracked;
    switch (step.do) {
      case 'proper':
        this.#proper(tracked, step);
        break;
      case 'send':
        this.#send(tracked, step.bytes, step.more);
        break;
      case 'ping':
        if (tracked.webSocket && client.open && tracked.open && step.bytes <= client.requestCredit)
          client.ping('p'.repeat(step.bytes));
        break;
      case 'close':
        if (tracked.webSocket && client.open && tracked.open) {
          tracked.open = false;
          client.close(1000, 'bye');
        }
        break;
      case 'leave':
        if (!client.over) client.leave();
        break;
      case 'grant':
        if (!client.over && client.credits < CLIENT_WINDOW)
          client.grant(Math.min(step.bytes, CLIENT_WINDOW - client.credits));
        break;
      case 'malformed':
        this.rig.link.respondRaw(`J{"from":"h3","id":"${id}","seq":"x"}`);
        break;
      case 'lose':
        this.rig.link.lose(id);
        break;
      case 'losing':
        this.#losing.add(id);
        break;
      case 'refuse':
        this.rig.link.refuse(id);
        break;
    }
  }

  /** Ends all that is left, by silence or because the edge stops, and checks the account. */
  async end(byStop: boolean): Promise<void> {
    if (byStop) await this.rig.edge.stop();
    else this.#advance(8);
    this.rig.wheel.stop();
    for (const { client, id } of this.#sessions) {
      assert.ok(client.over, `${id} has an end`);
    }
    this.#checkNumbers();
    this.#checkCredits();
    assert.equal(this.rig.counters.sessionsOpen, 0);
    assert.equal(this.rig.counters.sessions, this.#sessions.length);
  }

  #checkNumbers(): void {
    const next = new Map(this.#sessions.map(({ id }) => [id, 1]));
    for (const { packet } of this.rig.link.routed) {
      for (const { id, seq } of packet.ids) {
        // Only what answers a packet for a session that is over has no number.
        if (seq === null) assert.equal(packet.type, 'cancel');
        else assert.equal(seq, next.get(id), `${id} counts on`);
        if (seq !== null) next.set(id, seq + 1);
      }
    }
  }

  #checkCredits(): void {
    const sent = new Map<string, number>();
    for (const { packet } of this.rig.link.routed) {
      const [only] = packet.ids;
      if (packet.type === 'close' || only === undefined) continue;
      sent.set(only.id, (sent.get(only.id) ?? 0) + packet.body.length);
    }
    for (const { id, granted } of this.#sessions)
      assert.ok((sent.get(id) ?? 0) <= granted, `${id} keeps to its credits`);
  }

  #open(step: Extract<Command, { do: 'request' | 'webSocket' }>): void {
    if (this.#sessions.length === 8) return;
    const webSocket = step.do === 'webSocket';
    const body = step.do === 'request' && step.body;
    const fields = { credits: CLIENT_WINDOW, bodyLength: body ? UNKNOWN_LENGTH : 0 };
    const { client, id } = webSocket ? this.rig.webSocket(fields) : this.rig.request(fields);
    client.greedy = step.greedy;
    this.#sessions.push({ id, client, webSocket, open: webSocket || body, nextSeq: 0, granted: 0 });
  }

  #send(tracked: Tracked, bytes: number, more: boolean): void {
    const { client, webSocket } = tracked;
    if (!tracked.open || client.over || bytes > client.requestCredit) return;
    if (webSocket) {
      if (client.open) client.message('m'.repeat(bytes), more);
      return;
    }
    tracked.open = more;
    // A body that goes on has bytes.
    if (bytes > 0 || !more) client.send('b'.repeat(bytes), more);
    else tracked.open = true;
  }

  #proper(tracked: Tracked, { type, from, body, credits, more, multi }: ProperCommand): void {
    const { client, webSocket } = tracked;
    const fields = { from, credits, multi };
    if (client.over) return;
    if (client.head === null && type === 'data') {
      this.#respond([tracked], webSocket ? { ...fields, code: 101 } : { ...fields, code: 200, more: true }, 'right');
    } else if (client.head === null || type === 'keep-alive' || type === 'credit' || type === 'handoff-start') {
      this.#respond([tracked], { ...fields, type: type === 'handoff-start' ? type : 'credit' }, 'right');
    } else {
      const bytes = Math.min(body, client.credits);
      // The answer to a request goes on for most of the time.
      const goesOn = webSocket ? more : more || bytes > 5;
      const frame = webSocket && type !== 'data';
      this.#respond(
        [tracked],
        { ...fields, type: frame ? type : 'data', body: 'x'.repeat(bytes), more: !frame && goesOn },
        'right',
      );
    }
  }

  #packet({ sessions, seq, lengths, body, ...fields }: PacketCommand): void {
    const concerned = new Set(sessions.map((session) => this.#at(session)).filter((tracked) => tracked !== undefined));
    const headers = lengths.flatMap((length) => ['Content-Length', length]);
    const { do: _, ...rest } = fields;
    this.#respond([...concerned], { ...rest, headers, body: 'x'.repeat(body) }, seq);
  }

  #respond(concerned: readonly Tracked[], fields: ResponseFields, seq: string): void {
    if (concerned.length === 0) return;
    const refs = concerned.map((tracked): [string, number | null] => {
      tracked.granted += fields.credits ?? 0;
      // An acceptance that grants nothing counts as one that grants as much as handlers are granted.
      if (tracked.webSocket && tracked.client.head === null && fields.code === 101) tracked.granted += INITIAL_CREDITS;
      if (seq === 'none') return [tracked.id, null];
      if (seq === 'wrong') return [tracked.id, tracked.nextSeq + 3];
      return [tracked.id, tracked.nextSeq++];
    });
    this.rig.link.respondAll(refs, fields);
  }

  #at(session: number): Tracked | undefined {
    return this.#sessions[session % this.#sessions.length];
  }
}

test('whatever handlers and clients do, every session ends once, counts on and keeps to its credits', async (t) => {
  const advance = manualClock(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 5, maxLength: 60, size: 'max' }),
      fc.boolean(),
      fc.boolean(),
      async (steps, withdrawable, byStop) => {
        const play = new Play(advance, withdrawable);
        for (const step of steps) play.run(step);
        await play.end(byStop);
      },
    ),
    { numRuns: 1_000, interruptAfterTimeLimit: 5_000 },
  );
});
