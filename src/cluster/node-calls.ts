import { attempt, type Guarded, guarded, type TimerWheel } from '../clock/index.ts';
import { type ClusterCounters, LEAST_COST, LineRate, type Log, reportFault } from '../exchange/index.ts';
import type { BrokerMessage } from './broker.ts';
import { answerOf, callMessage, type NodeAnswer, type NodeQuestion, questionOf, type Refusal } from './node-call.ts';
import type { NodeName } from './node-name.ts';
import type { NodeBroker, NodeRegistry, NodeWatcher } from './node-registry.ts';
import { type NodeAnswers, OpenQuestion } from './open-question.ts';
import type { Subjects } from './subjects.ts';

/** Milliseconds that nodes have to answer. */
const ANSWER_MS = 2_000;

/**
 * Questions of this node that wait for answers, and as many of others that are being answered here.
 * @bound node-questions
 */
export const MAX_QUESTIONS = 256;

/**
 * Bytes of the answers to all questions that wait for further ones, each costing at least 256.
 * @bound node-answers
 */
export const MAX_ANSWER_BYTES = 67_108_864;

/** Answers a question of another node. Returns a value for JSON, or a promise of one; undefined for a question that it does not understand. What it throws is a fault. */
export type NodeHandler = (input: unknown) => unknown;

/** What the calls of a node are made of. */
export interface NodeCallsOptions {
  readonly broker: NodeBroker;
  readonly subjects: Subjects;
  readonly self: NodeName;
  readonly registry: NodeRegistry;
  readonly wheel: TimerWheel;
  readonly counters: ClusterCounters;
  readonly log: Log;
}

/** Questions to the other nodes of a cluster, to all of them or to one, and the answers to theirs. */
export class NodeCalls implements NodeWatcher, Guarded {
  readonly #options: NodeCallsOptions;
  readonly #handlers = new Map<string, NodeHandler>();
  readonly #open = new Map<number, OpenQuestion>();
  readonly #lines = new LineRate();
  #subscriptions: ReturnType<NodeBroker['subscribe']>[] = [];
  #asked = 0;
  /** Bytes of the answers to all open questions. */
  #bytes = 0;
  /** Questions that are being answered here. */
  #answering = 0;

  constructor(options: NodeCallsOptions) {
    this.#options = options;
  }

  /** Name of this node. */
  get name(): string {
    return this.#options.self.name;
  }

  /** Bytes of a question or an answer at most. */
  get maxBytes(): number {
    return Math.floor(this.#options.broker.maxPayload / 2);
  }

  /** Sets who answers the questions of one kind. */
  handle(about: string, handler: NodeHandler): void {
    this.#handlers.set(about, handler);
  }

  /** Takes questions from now on. */
  start(): void {
    const { broker, registry, self } = this.#options;
    const onQuestion = guarded(this, (message: BrokerMessage) => this.#onQuestion(message));
    const onAnswer = guarded(this, (message: BrokerMessage) => this.#onAnswer(message));
    this.#subscriptions = [
      broker.subscribe(this.#subject('all'), onQuestion),
      broker.subscribe(this.#subject(`ask.${self.id}`), onQuestion),
      broker.subscribe(this.#subject(`answer.${self.id}`), onAnswer),
    ];
    registry.watch(this);
  }

  /** Takes no more questions, and waits for no more answers. */
  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    this.#options.registry.unwatch(this);
    for (const question of [...this.#open.values()]) this.#end(question);
  }

  /**
   * Asks the other nodes. Resolves, after 2 s at the latest, with what has come. This node is not asked.
   * @param read reads an answer; null for one that is not understood, which counts as none
   * @param node id of the one that is asked. Default: all
   */
  ask<Value>(
    about: string,
    input: unknown,
    read: (value: unknown) => Value | null,
    node: string | null = null,
  ): Promise<NodeAnswers<Value>> {
    return new Promise((resolve) => {
      const done = (answers: NodeAnswers): void => resolve(answers as NodeAnswers<Value>);
      const onTime = (question: OpenQuestion): void => this.#onTime(question);
      const question = new OpenQuestion(++this.#asked, about, { read, onTime, done, owner: this });
      let problem: string | null = 'it failed';
      attempt(this, () => {
        problem = this.#begin(question, input, node);
      });
      if (problem === null) return;
      if (question.waited.length > 0) this.#note(question, question.waited, problem);
      question.finish();
    });
  }

  /** Sends all other nodes something that they do not answer. */
  notify(about: string, input: unknown = null): void {
    const { self } = this.#options;
    const isSent = this.#send('all', callMessage({ from: self.id, number: 0, about, input }));
    if (!isSent) this.#lines.write(this.#options.log, 'warn', { about }, 'other nodes are not told');
  }

  nodeCame(): void {}

  /** It is not waited for any longer. */
  nodeGone(id: string): void {
    for (const question of [...this.#open.values()]) this.#giveUp(question, id, 'it is gone');
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }

  /** Sends a question. Returns why nobody is asked; null if somebody is. */
  #begin(question: OpenQuestion, input: unknown, node: string | null): string | null {
    const { registry, self, counters, wheel } = this.#options;
    for (const [id, { heartbeat }] of registry.others) {
      if (node !== null && node !== id) continue;
      if (heartbeat.facts === null) question.miss(heartbeat.name);
      else question.wait(id, heartbeat.name);
    }
    const { number, about, waited } = question;
    if (waited.length === 0) return 'there is none';
    if (this.#open.size >= MAX_QUESTIONS) return 'too many questions wait for answers';
    this.#open.set(number, question);
    wheel.schedule(question, ANSWER_MS);
    const message = callMessage({ from: self.id, number, about, input });
    if (!this.#send(node === null ? 'all' : `ask.${node}`, message)) {
      this.#open.delete(number);
      wheel.cancel(question);
      return 'the question was not sent';
    }
    counters.questions++;
    return null;
  }

  #onAnswer({ data }: BrokerMessage): void {
    const { counters } = this.#options;
    const answer = data.length > this.maxBytes ? null : answerOf(data);
    if (answer === null) {
      counters.messagesInvalid++;
      return;
    }
    const question = this.#open.get(answer.number);
    // Its time may be over.
    if (question?.waitsFor(answer.from) !== true) return;
    const { from, refused, value } = answer;
    const cost = Math.max(LEAST_COST, data.length);
    if (refused !== null) {
      this.#giveUp(question, from, REASONS[refused]);
    } else if (this.#bytes + cost > MAX_ANSWER_BYTES) {
      this.#giveUp(question, from, 'the answers that wait are too large');
    } else if (!question.answer(from, value)) {
      this.#giveUp(question, from, 'its answer is not understood');
    } else {
      question.bytes += cost;
      this.#bytes += cost;
      this.#check(question);
    }
  }

  #giveUp(question: OpenQuestion, id: string, reason: string): void {
    const name = question.giveUp(id);
    if (name === null) return;
    this.#note(question, [name], reason);
    this.#check(question);
  }

  #onTime(question: OpenQuestion): void {
    this.#note(question, question.waited, `it took longer than ${ANSWER_MS} ms`);
    this.#end(question);
  }

  #check(question: OpenQuestion): void {
    if (question.waited.length === 0) this.#end(question);
  }

  #end(question: OpenQuestion): void {
    if (!this.#open.delete(question.number)) return;
    this.#options.wheel.cancel(question);
    this.#bytes -= question.bytes;
    question.finish();
  }

  /** Nodes are missing in the answers to a question. */
  #note({ about }: OpenQuestion, names: readonly string[], reason: string): void {
    const { counters, log } = this.#options;
    counters.answersMissing += names.length;
    this.#lines.write(log, 'warn', { nodes: names.join(', '), about, reason }, 'no answer of nodes');
  }

  #onQuestion({ data }: BrokerMessage): void {
    const question = data.length > this.maxBytes ? null : questionOf(data);
    if (question === null) {
      this.#options.counters.messagesInvalid++;
      return;
    }
    const handler = this.#handlers.get(question.about);
    if (handler === undefined) this.#refuse(question, 'unknown');
    else if (this.#answering >= MAX_QUESTIONS) this.#refuse(question, 'busy');
    else void this.#answer(question, handler);
  }

  async #answer(question: NodeQuestion, handler: NodeHandler): Promise<void> {
    this.#answering++;
    try {
      const value: unknown = await handler(question.input);
      if (value === undefined) this.#refuse(question, 'unknown');
      else if (question.number > 0) this.#reply(question, { refused: null, value });
    } catch (thrown) {
      this.onFault(thrown);
      this.#refuse(question, 'failed');
    } finally {
      this.#answering--;
    }
  }

  #refuse(question: NodeQuestion, refused: Refusal): void {
    if (question.number > 0) this.#reply(question, { refused, value: null });
  }

  #reply({ from, number }: NodeQuestion, { refused, value }: Pick<NodeAnswer, 'refused' | 'value'>): void {
    const own = this.#options.self.id;
    const to = `answer.${from}`;
    const sent = this.#send(to, callMessage({ from: own, number, refused, value }));
    if (!sent && refused === null)
      this.#send(to, callMessage({ from: own, number, refused: 'too large', value: null }));
  }

  /** Returns whether the message was sent. */
  #send(name: string, message: Buffer): boolean {
    return message.length <= this.maxBytes && this.#options.broker.publish(this.#subject(name), message);
  }

  #subject(name: string): string {
    return this.#options.subjects.control(name);
  }
}

const REASONS: Readonly<Record<Refusal, string>> = {
  unknown: 'it does not understand the question',
  busy: 'it has too many questions',
  'too large': 'its answer is too large',
  failed: 'it failed',
};
