import { attempt, type Guarded } from '../../clock/index.ts';
import { reportFault } from '../../exchange/index.ts';
import { placeOf } from '../../resume/index.ts';
import type { BrokerMessage } from '../broker.ts';
import { ReplyInbox } from '../reply-inbox.ts';
import type { StreamMeans } from './stream-means.ts';

/** Milliseconds within which the process that has a stream has to answer, and after which it is asked again: a question may be lost between servers of the broker. */
const [ANSWER, AGAIN] = [5_000, 2_000];

/** Milliseconds for which a process that is not there may still come back, as its connection to the broker may just be made again. */
const RETURN = 5_000;

/** Asks about a stream, and gets the answer. */
export interface Questioner extends Guarded {
  /** @param live whether the stream goes on, or its end will be told */
  onAnswer(live: boolean): void;
}

interface Question {
  readonly questioner: Questioner;
  readonly subject: string;
  readonly data: Buffer;
  /** When it was asked first, and last. */
  readonly since: number;
  asked: number;
  /** Whether a process that is not there is waited for. */
  readonly patient: boolean;
}

/** The subject on which a process is asked about its streams. @param place its name */
export function questionSubject(means: StreamMeans, place: string): string {
  return means.subjects.control(`s.${place}`);
}

/** Asks the processes of other nodes about their streams. Where nobody listens the broker says so at once. */
export class StreamQuestions implements Guarded {
  readonly #means: StreamMeans;
  readonly #inbox: ReplyInbox;
  readonly #questions = new Map<number, Question>();
  readonly #again = new Set<Question>();
  #tokens = 0;
  /** When the broker came, or came back: its servers have to tell each other who listens. */
  #back: number;

  constructor(means: StreamMeans) {
    this.#means = means;
    this.#back = means.wheel.now;
    this.#inbox = new ReplyInbox(means.broker, this, (message) => this.#onMessage(message));
  }

  /**
   * Asks the process that has a stream, and tells it that somebody reads it.
   * @param viewer a number of this process
   * @param position how far it has read; -1 where it has left, or may not read yet. Only one that reads waits for a process that is not there
   */
  ask(questioner: Questioner, stream: string, viewer: string, position: number): void {
    const data = Buffer.from(`${viewer} ${stream} ${position}`);
    const subject = questionSubject(this.#means, placeOf(stream));
    const { now: since } = this.#means.wheel;
    this.#send({ questioner, subject, data, since, asked: since, patient: position >= 0 });
  }

  /** Is called now and then. */
  check(): void {
    const { now } = this.#means.wheel;
    for (const question of [...this.#again]) {
      this.#again.delete(question);
      this.#send(question);
    }
    for (const [token, question] of [...this.#questions]) {
      const { questioner, asked, since } = question;
      const isOver = now - Math.max(this.#back, since) >= ANSWER;
      if (!isOver && now - asked < AGAIN) continue;
      this.#questions.delete(token);
      if (isOver) attempt(questioner, tell, false);
      else this.#send(question);
    }
  }

  /** The broker is there again. */
  onUp(): void {
    this.#back = this.#means.wheel.now;
    for (const question of this.#questions.values()) this.#again.add(question);
    this.#questions.clear();
  }

  stop(): void {
    this.#inbox.close();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  #send(question: Question): void {
    const token = ++this.#tokens;
    question.asked = this.#means.wheel.now;
    const reply = this.#inbox.subject(token);
    if (this.#means.broker.publish(question.subject, question.data, { reply })) this.#questions.set(token, question);
    else this.#again.add(question);
  }

  #onMessage(message: BrokerMessage): void {
    const { data, headers } = message;
    const token = Number(this.#inbox.tokenOf(message));
    const question = this.#questions.get(token);
    if (question === undefined) return;
    this.#questions.delete(token);
    const { now } = this.#means.wheel;
    const nobody = headers?.code === 503;
    const since = question.patient ? Math.max(this.#back, question.since) : this.#back;
    if (nobody && now - since < RETURN) this.#again.add(question);
    else attempt(question.questioner, tell, !nobody && data[0] === LIVE);
  }
}

/** The answer for a stream that goes on. */
export const LIVE = 0x2b;

function tell(questioner: Questioner, live: boolean): void {
  questioner.onAnswer(live);
}
