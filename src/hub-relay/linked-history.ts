import { decodeItems, encodeItem } from '../codec/grip/index.ts';
import { emptyAnswer, type HistoryAnswer, type HistoryQuestion, type HubHistory } from '../hub/index.ts';
import { jsonAndBytesOf, jsonAndBytesPacket, KIND } from './relay-packet.ts';

/**
 * Bytes of the questions of one process that nobody has answered, each costing 1,024 more for the client that waits. Clients that have left count too, until
 * their answer comes. Beyond it clients are told of a gap.
 * @bound history-questions
 */
export const MAX_ASKED_BYTES = 134_217_728;

/** What a question costs besides its text. */
const QUESTION_COST = 1_024;

/** A question of a hub, with its number. */
interface Asked extends HistoryQuestion {
  readonly number: number;
}

/** What stands in front of the items of an answer. */
interface Outline extends Omit<HistoryAnswer, 'items'> {
  readonly number: number;
  readonly epoch: string;
}

/** One whom nobody has answered. */
interface Waiting {
  readonly done: (answer: HistoryAnswer) => void;
  readonly cost: number;
  /** The question, until it is sent. */
  unsent: Buffer | null;
}

/** The items that the process keeps which orders them. Its answers come in the order of the items. */
export class LinkedHistory implements HubHistory {
  epoch = '';
  readonly #send: (packet: Buffer) => boolean;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #bytes = 0;

  /** @param send returns false if too much waits for the other process */
  constructor(send: (packet: Buffer) => boolean) {
    this.#send = send;
  }

  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    const asked: Asked = { ...question, number: ++this.#number };
    const packet = jsonAndBytesPacket(KIND.ask, asked);
    const cost = QUESTION_COST + packet.length;
    if (this.#bytes + cost > MAX_ASKED_BYTES) {
      done(emptyAnswer(question));
      return;
    }
    this.#bytes += cost;
    const waiting: Waiting = { done, cost, unsent: packet };
    this.#waiting.set(this.#number, waiting);
    if (this.#send(packet)) waiting.unsent = null;
  }

  /** The other process takes more: asks what could not be asked before. */
  retry(): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.unsent === null) continue;
      if (!this.#send(waiting.unsent)) return;
      waiting.unsent = null;
    }
  }

  /** What was delivered before it came is what the answer counts on. */
  onAnswer(packet: Buffer): void {
    const { value, bytes } = jsonAndBytesOf(packet);
    const { number, epoch, ...answer } = value as Outline;
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    this.#bytes -= waiting.cost;
    this.epoch = epoch;
    waiting.done({ ...answer, items: decodeItems(bytes) });
  }
}

/**
 * Answers a question.
 * @param source null where nothing is kept: every cursor is lost then
 * @param send takes the answer
 */
export function answerHistory(source: HubHistory | null, packet: Buffer, send: (answer: Buffer) => void): void {
  const { number, ...question } = jsonAndBytesOf(packet).value as Asked;
  const answer = ({ items, ...rest }: HistoryAnswer): void => {
    const outline: Outline = { number, epoch: source?.epoch ?? '', ...rest };
    send(jsonAndBytesPacket(KIND.kept, outline, ...items.map(encodeItem)));
  };
  if (source === null) answer(emptyAnswer(question));
  else source.ask(question, answer);
}
