import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';
import type { TestContext } from 'node:test';
import { ipBytes } from './ip-bytes.ts';

export type DnsType = 'A' | 'AAAA';

/**
 * What a question is answered with: a list of addresses, of which those of the other family are left out, and in front of them names that
 * stand in for the one that was asked for (CNAME); or a failure; or nothing at all. An empty list: the name has no such address.
 */
export type DnsAnswer = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'SILENCE';

/** An answer, or what makes one for each question, perhaps later. */
export type DnsScript = DnsAnswer | (() => DnsAnswer | Promise<DnsAnswer>);

/** A question that was asked. */
export interface DnsQuestion {
  /** In lower case, without the dot at the end. */
  readonly name: string;
  readonly type: DnsType;
}

const TYPES: Readonly<Record<number, DnsType>> = { 1: 'A', 28: 'AAAA' };
const CODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** Seconds that an answer claims to be good for: long, so that whoever keeps answers is found out. */
const TTL = 3_600;

/**
 * A name server on a loopback port, over UDP, whose answers are scripted: `NXDOMAIN` for every name unless told otherwise.
 *
 * ```ts
 * const dns = await startDnsServer(t);
 * dns.answer('both.test', 'A', ['127.0.0.1']);
 * dns.answer('both.test', 'AAAA', ['::1']);
 * dns.answer('rebind.test', 'A', ['192.0.2.1'], ['127.0.0.1']); // the first look-up, then all others
 * const resolver = new DnsResolver([dns.address]);
 * ```
 */
export class DnsServer {
  /** Every question so far, those asked again included. */
  readonly questions: DnsQuestion[] = [];
  readonly #socket: Socket;
  /** By type and name: what is left of the script. */
  readonly #scripts = new Map<string, DnsScript[]>();
  #waits: (() => void)[] = [];
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message, client) => void this.#onMessage(message, client));
  }

  /** Where it listens: `127.0.0.1:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /**
   * Says what questions for one type of a name are answered with, instead of what was said before: each question takes the next answer,
   * and the last one stays. A name for which there is only the other type has no addresses of this one.
   */
  answer(name: string, type: DnsType, ...script: readonly [DnsScript, ...DnsScript[]]): this {
    this.#scripts.set(keyOf(name.toLowerCase(), type), [...script]);
    return this;
  }

  /** How often a name was asked for, by one type or by any. */
  count(name: string, type?: DnsType): number {
    return this.questions.filter((asked) => asked.name === name && (type === undefined || asked.type === type)).length;
  }

  /** Resolves when a name has been asked for `count` times, by one type or by any. */
  async asked(name: string, type?: DnsType, count = 1): Promise<void> {
    while (this.count(name, type) < count) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }

  async #onMessage(message: Buffer, client: RemoteInfo): Promise<void> {
    const end = message.indexOf(0, 12) + 5;
    const type = TYPES[message.readUInt16BE(end - 4)];
    const name = readName(message.subarray(12, end - 5));
    if (type === undefined) {
      this.#send(message, end, 0, [], client);
      return;
    }
    this.questions.push({ name, type });
    const waits = this.#waits;
    this.#waits = [];
    for (const resolve of waits) resolve();
    const answer = await this.#next(name, type);
    if (answer === 'SILENCE') return;
    if (typeof answer === 'string') this.#send(message, end, CODES[answer], [], client);
    else this.#send(message, end, 0, records(name, type, answer), client);
  }

  #next(name: string, type: DnsType): DnsAnswer | Promise<DnsAnswer> {
    const script = this.#scripts.get(keyOf(name, type));
    if (script === undefined) return this.#scripts.has(keyOf(name, type === 'A' ? 'AAAA' : 'A')) ? [] : 'NXDOMAIN';
    const next = (script.length > 1 ? script.shift() : script[0]) as DnsScript;
    return typeof next === 'function' ? next() : next;
  }

  /** RFC 1035 §4.1: the question comes back with the answer. */
  #send(query: Buffer, end: number, code: number, answers: readonly Buffer[], client: RemoteInfo): void {
    const head = Buffer.from(query.subarray(0, end));
    // A response that is authoritative, with recursion available; one question, answers, and nothing else.
    head.writeUInt16BE(0x8580 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    // The answer may be ready after the end of the test.
    if (this.#closed) return;
    this.#socket.send(Buffer.concat([head, ...answers]), client.port, client.address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/** Starts a name server on a free port; it ends with the test. */
export async function startDnsServer(t: TestContext): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const server = new DnsServer(socket);
  t.after(() => server.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return server;
}

function keyOf(name: string, type: DnsType): string {
  return `${type} ${name}`;
}

function readName(labels: Buffer): string {
  const parts: string[] = [];
  for (let i = 0; i < labels.length; ) {
    const length = labels[i] as number;
    parts.push(labels.toString('latin1', i + 1, i + 1 + length));
    i += 1 + length;
  }
  return parts.join('.').toLowerCase();
}

function records(name: string, type: DnsType, answer: readonly string[]): Buffer[] {
  const made: Buffer[] = [];
  let owner = name;
  for (const entry of answer) {
    if (!isIPv4(entry) && !isIPv6(entry)) {
      made.push(record(owner, 5, writeName(entry)));
      owner = entry;
    } else if (isIPv4(entry) === (type === 'A')) {
      made.push(record(owner, type === 'A' ? 1 : 28, ipBytes(entry)));
    }
  }
  return made;
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(TTL, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(owner), fixed, data]);
}

function writeName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
