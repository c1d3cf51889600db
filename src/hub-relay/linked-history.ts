import { decodeItems, encodeItem } from '../codec/grip/index.ts';
import { emptyAnswer, type HistoryAnswer, type HistoryQuestion, type HubHistory } from '../hub/index.ts';
import { jsonAndBytesOf, jsonAndBytesPacket, KIND } from './relay-packet.ts';

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
    const { value, bytes } = jsonAndBytesOf(packet);
    const { number, epoch, ...answer } = value as Outline;
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    this.epoch = epoch;
    waiting.done({ ...answer, items: decodeItems(bytes) });
  }

  #try(number: number, waiting: Waiting): void {
    const asked: Asked = { ...waiting.question, number };
    waiting.sent = this.#send(jsonAndBytesPacket(KIND.ask, asked));
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
