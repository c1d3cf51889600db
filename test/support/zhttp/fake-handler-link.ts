import {
  encodeResponsePacket,
  parseRequestPacket,
  type RequestPacket,
  ResponsePacket,
} from '../../../src/codec/zhttp/index.ts';
import { type Part, wholePart } from '../../../src/codec/zmtp/index.ts';
import { READY, type Reach } from '../../../src/zhttp/index.ts';
import type { HandlerLink, HandlerLinkSink } from '../../../src/zhttp-client/index.ts';

/** What a test may say in a packet of a handler. */
export type ResponseFields = Partial<Omit<ResponsePacket, 'body'>> & { readonly body?: string | Buffer };

/** A packet that went to a handler. */
export interface Routed {
  readonly address: string;
  readonly packet: RequestPacket;
}

/** Keeps what an edge sends to handlers, and lets the test answer in their place. */
export class FakeHandlerLink implements HandlerLink {
  /** First packets as they are written, and as they are read. */
  readonly offeredBytes: Buffer[] = [];
  readonly offered: RequestPacket[] = [];
  readonly routed: Routed[] = [];
  readonly withdrawn: string[] = [];
  /** What `withdraw` returns. */
  withdrawable = false;
  closed = false;
  /** What handlers take, by address. Default: all. */
  readonly reaches = new Map<string, Reach>();
  /** Called for each packet that is routed, before the edge goes on. */
  onRouted: (routed: Routed) => void = () => {};
  readonly #sink: HandlerLinkSink;
  /** Number of the next packet in each session, whichever handler has it. */
  readonly #seqs = new Map<string, number>();

  constructor(sink: HandlerLinkSink) {
    this.#sink = sink;
  }

  offer(id: string, packet: Buffer | string): void {
    const bytes = wholePart(packet);
    this.offeredBytes.push(bytes);
    this.offered.push(parseRequestPacket(bytes));
    this.#seqs.set(id, 0);
  }

  withdraw(id: string): boolean {
    this.withdrawn.push(id);
    return this.withdrawable;
  }

  reach(address: string): Reach {
    return this.reaches.get(address) ?? READY;
  }

  /** The handler takes packets again. */
  ready(address = 'h1'): void {
    this.reaches.delete(address);
    this.#sink.onReady(address);
  }

  route(address: string, packet: Part): void {
    const routed = { address, packet: parseRequestPacket(wholePart(packet)) };
    this.routed.push(routed);
    this.onRouted(routed);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Sends a packet of the handler `from` with the next number of the session. */
  respond(id: string, fields: ResponseFields = {}, from = 'h1'): void {
    const seq = this.#seqs.get(id) ?? 0;
    this.#seqs.set(id, seq + 1);
    this.respondAll([[id, seq]], { from, ...fields });
  }

  /** Sends one packet for all these sessions, each with its number. */
  respondAll(sessions: readonly (readonly [id: string, seq: number | null])[], fields: ResponseFields): void {
    this.#sink.onPacket(responsePacket(sessions, fields));
  }

  /** Sends these bytes as a packet. */
  respondRaw(payload: string | Buffer): void {
    this.#sink.onPacket(Buffer.from(payload as string));
  }

  /** Number that the next packet for the session has to have. */
  nextSeq(id: string): number {
    return this.#seqs.get(id) ?? 0;
  }

  /** A packet with that number was sent by other means. */
  skipSeq(id: string): void {
    this.#seqs.set(id, this.nextSeq(id) + 1);
  }

  refuse(id: string): void {
    this.#sink.onRefused(id);
  }

  /** Tells that no handler gets the session that was withdrawn. */
  confirmWithdrawal(id: string): void {
    this.#sink.onWithdrawn(id);
  }

  lose(id: string): void {
    this.#sink.onLost(id);
  }

  /** Takes what was routed since the last time, each packet as `describe` writes it. */
  take(): string[] {
    return this.routed.splice(0).map(describe);
  }
}

/** A packet of a handler as bytes, with its type byte. */
export function responsePacket(
  sessions: readonly (readonly [id: string, seq: number | null])[],
  fields: ResponseFields,
): Buffer {
  const ids = sessions.map(([id, seq]) => ({ id, seq }));
  const body = Buffer.from((fields.body ?? '') as string);
  return encodeResponsePacket(Object.assign(new ResponsePacket(), { from: 'h1', ids, ...fields, body }));
}

/** `ADDRESS ID#SEQ,… TYPE` and what the packet carries, such as `h1 e-0-0#1 data "abc" more`. */
export function describe({ address, packet }: Routed): string {
  const words = [address, packet.ids.map(({ id, seq }) => `${id}#${seq}`).join(','), packet.type];
  if (packet.contentType !== '') words.push(packet.contentType);
  if (packet.code !== 0) words.push(String(packet.code));
  if (packet.type === 'credit') words.push(String(packet.credits));
  if (packet.body.length > 0) words.push(`"${packet.body.toString()}"`);
  if (packet.more) words.push('more');
  return words.join(' ');
}
