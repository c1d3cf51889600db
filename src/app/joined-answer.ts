import type { ConnectionDetails, ConnectionPage } from '../control/index.ts';
import type { ClientAnswers, ClientQuestion } from './client-view.ts';
import { joinedParts } from './joined-pages.ts';

/** The answers of several processes to a question about clients as one. */
export function joinedAnswer<Question extends ClientQuestion>(
  question: Question,
  answers: readonly ClientAnswers[Question['about']][],
): ClientAnswers[Question['about']] {
  return joined(question, answers) as ClientAnswers[Question['about']];
}

function joined(question: ClientQuestion, answers: readonly unknown[]): ClientAnswers[ClientQuestion['about']] {
  switch (question.about) {
    case 'list':
      return joinedList(answers as readonly ConnectionPage[], question.query.limit);
    case 'details':
      return (answers as readonly (ConnectionDetails | null)[]).find((details) => details !== null) ?? null;
    case 'close':
      return answers.includes(true);
    case 'disconnect':
      return (answers as readonly number[]).reduce((sum, count) => sum + count, 0);
  }
}

function joinedList(pages: readonly ConnectionPage[], limit: number): ConnectionPage {
  const parts = pages.map(({ connections, next }) => ({ entries: connections, next }));
  const { entries, next } = joinedParts(parts, limit, ({ id }) => id);
  return { connections: [...entries], total: pages.reduce((sum, { total }) => sum + total, 0), next };
}
