import { attempt } from '../clock/index.ts';
import { type ControlAnswer, type HandlerAnswer, Mongrel2Error, parseAnswer } from '../codec/mongrel2/index.ts';
import { AnswerBody } from './answer-body.ts';
import type { AnswerSink, HandlerSockets } from './handler-sockets.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';

/** Takes the answers of all handlers to the connections that they are for. */
export class Answers implements AnswerSink {
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  onAnswer(message: Buffer, sockets: HandlerSockets): number {
    const { counters, settings } = this.#site;
    counters.answersReceived++;
    let answer: HandlerAnswer;
    try {
      answer = parseAnswer(message, settings.handlerTargets);
    } catch (error) {
      if (!(error instanceof Mongrel2Error)) throw error;
      return this.#refuse(error, sockets);
    }
    const { ids, control } = answer;
    const body = new AnswerBody(answer.body);
    for (const id of ids) {
      // Reference §6.4: a cancel brings no notice.
      const connection = this.#find(id, sockets, control?.cancel !== true);
      if (connection === undefined) continue;
      if (control === null) attempt(connection, take, body, sockets);
      else attempt(connection, obey, control);
    }
    return ids.length;
  }

  /** Each handler lives with the mistakes of the others, and the clients that an extended answer was for are closed (reference §6.5). */
  #refuse(error: Mongrel2Error, sockets: HandlerSockets): number {
    const { counters, log } = this.#site;
    counters.answersRefused++;
    const fields = { handler: sockets.handler.name, detail: error.message };
    sockets.refusals.write(log, 'warn', fields, 'answer of a handler refused');
    for (const id of error.ids) {
      const connection = this.#find(id, sockets, true);
      if (connection !== undefined) attempt(connection, cutOff);
    }
    return Math.max(1, error.ids.length);
  }

  /**
   * The connection of that number. Without one the handler is told that it is gone, if it takes that now: otherwise such answers would pile up.
   * @param notify whether it is told
   */
  #find(id: number, sockets: HandlerSockets, notify: boolean): Mongrel2Connection | undefined {
    const { connections, counters } = this.#site;
    const connection = connections.get(id);
    if (connection !== undefined) return connection;
    counters.answersUnclaimed++;
    if (notify && sockets.send(null, sockets.messages.disconnect(id)) === null) counters.noticesDropped++;
    return undefined;
  }
}

function take(connection: Mongrel2Connection, body: AnswerBody, sockets: HandlerSockets): void {
  connection.answer(body, sockets);
}

function obey(connection: Mongrel2Connection, control: ControlAnswer): void {
  connection.control(control);
}

function cutOff(connection: Mongrel2Connection): void {
  connection.cutOff('HF_BACKEND_PROTOCOL');
}
