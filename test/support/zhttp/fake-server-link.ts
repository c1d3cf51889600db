import assert from 'node:assert/strict';
import { parseResponsePacket, type ResponsePacket, splitAddress } from '../../../src/codec/zhttp/index.ts';
import { type Part, wholePart } from '../../../src/codec/zmtp/index.ts';
import type { ServerLink, ServerLinkSink } from '../../../src/zhttp-server/server-link.ts';

/** A packet that went to a requester. */
export interface Answer {
  /** `ADDRESS` if it was published, `router ADDRESS`, or `reply ENVELOPE`. */
  readonly to: string;
  readonly packet: ResponsePacket;
  /** As it is written, with an address in front if it was published. */
  readonly bytes: Buffer;
  readonly format: string;
}

/** Keeps what an engine sends to requesters, and lets the test send in their place. */
export class FakeServerLink implements ServerLink {
  readonly answers: Answer[] = [];
  paused = false;
  /** Whether requesters get what is published. */
  reachable = true;
  /** Addresses that take nothing by the ROUTER socket. */
  readonly full = new Set<string>();
  draining = false;
  closed = false;
  readonly sink: ServerLinkSink;

  constructor(sink: ServerLinkSink) {
    this.sink = sink;
  }

  publish(packet: Part): void {
    const bytes = wholePart(packet);
    const addressed = splitAddress(bytes);
    assert.ok(addressed !== null, 'a published packet has an address');
    this.#add(addressed.address, addressed.payload, bytes);
  }

  route(address: string, bytes: Buffer): void {
    this.#add(`router ${address}`, bytes, bytes);
  }

  reaches(): boolean {
    return this.reachable;
  }

  isFull(address: string): boolean {
    return this.full.has(address);
  }

  reply(envelope: readonly Buffer[], packet: Part): void {
    const bytes = wholePart(packet);
    this.#add(`reply ${envelope.map((frame) => frame.toString('latin1')).join('|')}`, bytes, bytes);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  drain(): void {
    this.draining = true;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Takes what was sent since the last time, each packet as `describe` writes it. */
  take(): string[] {
    return this.answers.splice(0).map(describe);
  }

  /** Takes the bytes of what was sent since the last time, as latin1 text. */
  takeBytes(): string[] {
    return this.answers.splice(0).map(({ bytes }) => bytes.toString('latin1'));
  }

  #add(to: string, payload: Buffer, bytes: Buffer): void {
    assert.equal(this.closed, false, 'nothing is sent after the end');
    const format = payload.toString('latin1', 0, 1);
    const limits = { maxPacketBytes: Number.POSITIVE_INFINITY, maxHeaders: 1_000 };
    this.answers.push({ to, packet: parseResponsePacket(payload, limits), bytes, format });
  }
}

/** `TO ID#SEQ,… TYPE` and what the packet carries, such as `me a#1 data 200 OK "abc" more`. */
export function describe({ to, packet, format }: Answer): string {
  const words = [to];
  if (format !== 'T') words.push(format);
  if (packet.ids.length > 0)
    words.push(packet.ids.map(({ id, seq }) => (seq === null ? id : `${id}#${seq}`)).join(','));
  words.push(packet.type);
  if (packet.condition !== '') words.push(packet.condition);
  if (packet.multi) words.push('multi');
  if (packet.contentType !== '') words.push(packet.contentType);
  if (packet.code !== 0) words.push(String(packet.code));
  if (packet.reason !== '') words.push(packet.reason);
  if (packet.headers.length > 0) words.push(JSON.stringify(packet.headers));
  if (packet.credits > 0 || packet.type === 'credit') words.push(`+${packet.credits}`);
  if (packet.body.length > 0) words.push(`"${packet.body.toString('latin1')}"`);
  if (packet.more) words.push('more');
  if (packet.userData !== null) words.push(`~${packet.userData.toString('latin1')}`);
  return words.join(' ');
}
