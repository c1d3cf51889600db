import { OperationError } from './operation-error.ts';

/** What is told where something is nowhere. @param missing names of the nodes that have not answered: it may be there */
export function notFound(text: string, missing: readonly string[]): OperationError {
  const where = missing.length === 0 ? '' : `, but these nodes have not answered: ${missing.join(', ')}`;
  return new OperationError('HF_CONTROL_NOT_FOUND', text + where);
}
