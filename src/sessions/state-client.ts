import { isUtf8 } from 'node:buffer';
import { type AtTurnEnd, type TimerWheel, TurnQueue, WheelTimer } from '../clock/index.ts';
import type { SessionFields, SessionRule } from '../codec/grip/index.ts';
import {
  decode,
  encode,
  type TnetstringInput,
  type TnetstringMap,
  type TnetstringValue,
} from '../codec/tnetstring/index.ts';
import { type Counters, type Log, reportFault } from '../exchange/index.ts';
import { DealerSocket, type ZmqCounters, type ZmqSocket } from '../zmq/index.ts';

/** Milliseconds until a request counts as failed (Pushpin's own figure). */
const TIMEOUT = 1_000;

/**
 * Requests to the state service that have no reply yet. Further ones fail at once.
 * @bound session-requests
 */
export const MAX_REQUESTS = 1_024;

/**
 * Sessions whose last ids wait to be sent to the state service. Further ones are not sent.
 * @bound session-updates
 */
export const MAX_UPDATES = 16_384;

/**
 * Bytes of one reply of a state service. One that sends more is cut off, and connects again.
 * @bound session-reply
 */
export const MAX_REPLY = 262_144;

const EMPTY = Buffer.alloc(0);

/** What a state client needs. */
export interface StateClientOptions {
  /** Endpoints that are bound for the REP sockets of state services. */
  readonly endpoints: readonly string[];
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
}

interface Request {
  readonly method: string;
  readonly expires: number;
  /** Called with the value of the reply; undefined where there is none. */
  readonly done: (value: TnetstringValue | undefined) => void;
}

/**
 * Asks the service that keeps sessions (GRIP `state_spec`): a REP socket that connects to this one and takes requests as tnetstrings. What it
 * does not tell within a second is passed over, and the requests of clients go on.
 */
export class StateClient extends WheelTimer implements AtTurnEnd {
  readonly #options: StateClientOptions;
  readonly #socket: DealerSocket;
  readonly #turns = new TurnQueue();
  /** By their ids, oldest first. */
  readonly #requests = new Map<string, Request>();
  /** Last ids by channel, by session, which are sent at the end of the turn. */
  #updates = new Map<string, Record<string, string>>();
  #number = 0;
  /** The log says that the service does not respond. */
  #failing = false;
  #closed = false;

  constructor(options: StateClientOptions) {
    super();
    this.#options = options;
    const { wheel, zmqCounters: counters, log, ipcFileMode: ipcMode } = options;
    const limits = { ipcMode, maxMessageBytes: MAX_REPLY };
    this.#socket = new DealerSocket({ wheel, counters, log }, limits, (parts) => this.#onReply(parts));
  }

  /**
   * Opens the endpoints.
   * @throws ZmqError when one cannot be used
   */
  async open(): Promise<string[]> {
    const bound: string[] = [];
    for (const endpoint of this.#options.endpoints) bound.push(await this.#socket.bind(endpoint));
    return bound;
  }

  /** Those that services connect to. */
  get sockets(): readonly ZmqSocket[] {
    return [this.#socket];
  }

  /** Whether no reply is waited for. */
  get idle(): boolean {
    return this.#requests.size === 0;
  }

  /** Sends what waits, and asks nothing more. */
  close(): Promise<void> {
    this.#flush();
    this.#closed = true;
    return this.#socket.close();
  }

  rulesFor(domain: string, path: string, done: (rules: readonly SessionRule[]) => void): void {
    this.#ask('session-detect-rules-get', { domain, path }, (value) => done(rulesOf(value)));
  }

  lastIds(sid: string, done: (lastIds: Readonly<Record<string, string>>) => void): void {
    this.#ask('session-get-last-ids', { sid }, (value) => done(textsOf(value)));
  }

  note({ id, rules, lastIds }: SessionFields): void {
    if (rules.length > 0) {
      const list = rules.map(({ domain, pathPrefix, sidPtr, jsonParam }) => ({
        domain,
        'path-prefix': pathPrefix,
        'sid-ptr': sidPtr,
        ...(jsonParam !== null && { 'json-param': jsonParam }),
      }));
      this.#ask('session-detect-rules-set', { rules: list });
    }
    if (id !== null) this.#ask('session-create-or-update', { sid: id, 'last-ids': lastIds });
  }

  delivered(sid: string, channel: string, id: string): void {
    const known = this.#updates.get(sid);
    if (known !== undefined) {
      known[channel] = id;
      return;
    }
    if (this.#updates.size >= MAX_UPDATES) {
      this.#options.counters.sessionRequestsFailed++;
      return;
    }
    if (this.#updates.size === 0) this.#turns.add(this);
    const lastIds: Record<string, string> = Object.create(null);
    lastIds[channel] = id;
    this.#updates.set(sid, lastIds);
  }

  onTurnEnd(): void {
    this.#flush();
  }

  override onTimer(): void {
    const { now } = this.#options.wheel;
    for (const [id, { expires }] of this.#requests) {
      if (expires > now) break;
      this.#end(id, undefined, 'no reply');
    }
    this.#schedule();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
    this.#schedule();
  }

  #flush(): void {
    if (this.#updates.size === 0) return;
    const updates = Object.fromEntries(this.#updates);
    this.#updates = new Map();
    this.#ask('session-update-many', { 'sid-last-ids': updates });
  }

  #ask(method: string, args: TnetstringInput, done: Request['done'] = nothing): void {
    const id = String(++this.#number);
    const { wheel } = this.#options;
    this.#requests.set(id, { method, expires: wheel.now + TIMEOUT, done });
    if (this.#requests.size > MAX_REQUESTS) this.#end(id, undefined, 'too many requests wait');
    else if (this.#closed || !this.#socket.send([EMPTY, encode({ id, method, args })]))
      this.#end(id, undefined, 'no service is connected');
    else if (!this.waiting) this.#schedule();
  }

  #schedule(): void {
    const [first] = this.#requests.values();
    const { wheel } = this.#options;
    if (first !== undefined) wheel.schedule(this, Math.max(0, first.expires - wheel.now));
  }

  /** A reply: the empty part of REQ, and a tnetstring. */
  #onReply(parts: readonly Buffer[]): void {
    const reply = parts.length === 2 && parts[0]?.length === 0 ? mapOf(parts[1] as Buffer) : null;
    const id = reply === null ? null : textOf(reply.id);
    if (reply === null || id === null || !this.#requests.has(id)) {
      this.#options.log.debug({ parts: parts.length }, 'unexpected reply of the session state service');
      return;
    }
    if (reply.success === true) {
      this.#failing = false;
      this.#end(id, reply.value ?? null, null);
      return;
    }
    const condition = textOf(reply.condition) ?? 'failed';
    // A session that nobody knows is nothing to complain of.
    this.#end(id, undefined, condition === 'item-not-found' ? null : condition);
  }

  #end(id: string, value: TnetstringValue | undefined, problem: string | null): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#requests.delete(id);
    if (problem !== null) {
      const { counters, log } = this.#options;
      counters.sessionRequestsFailed++;
      // Once, until it works again.
      if (!this.#failing) log.warn({ method: request.method, problem }, 'request to the session state service failed');
      this.#failing = true;
    }
    request.done(value);
  }
}

function nothing(): void {}

function rulesOf(value: TnetstringValue | undefined): SessionRule[] {
  const rules: SessionRule[] = [];
  for (const rule of Array.isArray(value) ? value : []) {
    if (!isMap(rule)) continue;
    const [domain, pathPrefix, sidPtr] = [textOf(rule.domain), textOf(rule['path-prefix']), textOf(rule['sid-ptr'])];
    if (domain === null || pathPrefix === null || sidPtr === null) continue;
    rules.push({ domain, pathPrefix, sidPtr, jsonParam: textOf(rule['json-param']) || null });
  }
  return rules;
}

function textsOf(value: TnetstringValue | undefined): Record<string, string> {
  const texts: Record<string, string> = Object.create(null);
  if (value === undefined || !isMap(value)) return texts;
  for (const [name, member] of Object.entries(value)) {
    const text = textOf(member);
    if (text !== null) texts[name] = text;
  }
  return texts;
}

function mapOf(bytes: Buffer): TnetstringMap | null {
  try {
    const value = decode(bytes);
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function textOf(value: TnetstringValue | undefined): string | null {
  return Buffer.isBuffer(value) && isUtf8(value) ? value.toString() : null;
}

function isMap(value: TnetstringValue): value is TnetstringMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
