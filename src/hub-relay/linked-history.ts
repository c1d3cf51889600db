import { decodeItems, encodeItem } from '../codec/grip/index.ts';
import type { HistoryAnswer, HistoryQuestion, HubHistory } from '../hub/index.ts';
import { KIND } from './relay-packet.ts';

/** Bytes in front of the JSON of a packet: its kind, and the length of the JSON. */
const HEAD = 5;

/** A question of a hub, with its number. */
interface Asked extends Omit<HistoryQuestion, 'limitBytes'> {
  readonly number: number;
  readonly limit: number;
}

/** What stands in front of the items of an answer. */
interface Outline extends Omit<HistoryAnswer, 'items'> {
  readonly number: number;
  readonly epoch: string;
}

/** One whom nobody has answered. */
interface Waiting {
  readonly question: HistoryQuestion;
  readonly done: (answer: HistoryAnswer) => void;
  sent: boolean;
}

/** The items that the process keeps which orders them. Its answers come in the order of the items. */
export class LinkedHistory implements HubHistory {
  epoch = '';
  readonly #send: (packet: Buffer) => boolean;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  /** @param send returns false if too much waits for the other process */
  constructor(send: (packet: Buffer) => boolean) {
    this.#send = send;
  }

  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    const waiting = { question, done, sent: false };
    this.#waiting.set(++this.#number, waiting);
    this.#try(this.#number, waiting);
  }

  /** The other process takes more: asks what could not be asked before. */
  retry(): void {
    for (const [number, waiting] of this.#waiting) if (!waiting.sent) this.#try(number, waiting);
  }

  /** What was delivered before it came is what the answer counts on. */
  onAnswer(packet: Buffer): void {
    const end = HEAD + packet.readUInt32BE(1);
    const { number, epoch, gaps, head, more } = JSON.parse(packet.toString('utf8', HEAD, end)) as Outline;
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    this.epoch = epoch;
    waiting.done({ gaps, items: decodeItems(packet.subarray(end)), head, more });
  }

  #try(number: number, waiting: Waiting): void {
    const { channels, after, id, limitBytes: limit } = waiting.question;
    waiting.sent = this.#send(headed(KIND.ask, { number, channels, after, id, limit }));
  }
}

/**
 * Answers a question.
 * @param source null where nothing is kept: every cursor is lost then
 * @param send takes the answer
 */
export function answerHistory(source: HubHistory | null, packet: Buffer, send: (answer: Buffer) => void): void {
  const { number, channels, after, id, limit } = JSON.parse(packet.toString('utf8', HEAD)) as Asked;
  if (source === null) {
    const gaps = after === null ? [] : channels;
    send(headed(KIND.kept, { number, epoch: '', gaps, head: 0, more: false }));
    return;
  }
  source.ask({ channels, after, id, limitBytes: limit }, ({ gaps, items, head, more }) => {
    const outline = headed(KIND.kept, { number, epoch: source.epoch, gaps, head, more });
    send(items.length === 0 ? outline : Buffer.concat([outline, ...items.map(encodeItem)]));
  });
}

function headed(kind: number, value: Asked | Outline): Buffer {
  const text = JSON.stringify(value);
  const packet = Buffer.allocUnsafe(HEAD + Buffer.byteLength(text));
  packet[0] = kind;
  packet.writeUInt32BE(packet.length - HEAD, 1);
  packet.write(text, HEAD);
  return packet;
}
