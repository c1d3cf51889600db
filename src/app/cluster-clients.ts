import type { NodeCalls } from '../cluster/index.ts';
import { clientAnswerSchemas, clientQuestionSchema, type Scope } from '../control/index.ts';
import type { ClientAnswers, ClientQuestion } from './client-view.ts';
import { joinedAnswer } from './joined-answer.ts';
import { fittingPart } from './joined-pages.ts';

/** The questions of nodes about clients. */
const ABOUT = 'clients';

/** Asks all processes of this node that have clients, or the one whose clients have ids like this one. Those that do not answer are left out. */
export type AskClients = <Question extends ClientQuestion>(
  question: Question,
) => Promise<readonly ClientAnswers[Question['about']][]>;

/** An answer about the clients of one node, or of all. */
export interface ClusterAnswer<Answer> {
  readonly answer: Answer;
  /** Names of the nodes that have not answered. */
  readonly missing: readonly string[];
}

/** The clients of this node, and those of the other nodes of its cluster. */
export class ClusterClients {
  readonly #ask: AskClients;
  readonly #calls: NodeCalls | null;

  /** @param calls to other nodes; null without a cluster */
  constructor(ask: AskClients, calls: NodeCalls | null) {
    this.#ask = ask;
    this.#calls = calls;
    calls?.handle(ABOUT, (input) => this.#answer(calls, input));
  }

  async ask<Question extends ClientQuestion>(
    question: Question,
    scope: Scope,
  ): Promise<ClusterAnswer<ClientAnswers[Question['about']]>> {
    const own = this.#own(question);
    if (this.#calls === null || scope === 'node') return { answer: joinedAnswer(question, await own), missing: [] };
    const others = this.#calls.ask(ABOUT, question, (value) => readAnswer(question, value));
    const { values, missing } = await others;
    const all = [...(await own), ...values.map(({ answer }) => answer)];
    return { answer: joinedAnswer(question, all), missing };
  }

  /** The answers of this node. In a cluster they have its name. */
  async #own<Question extends ClientQuestion>(
    question: Question,
  ): Promise<readonly ClientAnswers[Question['about']][]> {
    const answers = await this.#ask(question);
    const node = this.#calls?.name;
    return node === undefined ? answers : answers.map((answer) => named(answer, node));
  }

  /** Answers a question of another node. */
  async #answer({ maxBytes }: NodeCalls, input: unknown): Promise<unknown> {
    const { data: question } = clientQuestionSchema.safeParse(input);
    if (question === undefined) return undefined;
    const answer = joinedAnswer(question, await this.#own(question));
    switch (question.about) {
      case 'details':
        return { connection: answer };
      case 'list': {
        const { connections, total, next } = answer as ClientAnswers['list'];
        const part = fittingPart({ entries: connections, next }, ({ id }) => id, maxBytes);
        return { connections: part.entries, total, next: part.next };
      }
      default:
        return answer;
    }
  }
}

/** An answer about connections of a node, with its name. */
function named<Answer>(answer: Answer, node: string): Answer {
  if (typeof answer !== 'object' || answer === null) return answer;
  const { connections } = answer as Partial<ClientAnswers['list']>;
  const own = connections === undefined ? { node } : { connections: connections.map((each) => ({ ...each, node })) };
  return { ...answer, ...own };
}

/** What another node has answered; null if that is not understood. */
function readAnswer<Question extends ClientQuestion>(
  { about }: Question,
  value: unknown,
): { readonly answer: ClientAnswers[Question['about']] } | null {
  const { success, data } = clientAnswerSchemas[about].safeParse(value);
  if (!success) return null;
  const answer = typeof data === 'object' && 'connection' in data ? data.connection : data;
  return { answer: answer as ClientAnswers[Question['about']] };
}
