import type { z } from 'zod';
import { OperationError } from './operation-error.ts';

/**
 * The JSON body of a request, as its schema has it.
 * @throws OperationError that says what is wrong
 */
export function validBody(schema: z.ZodType, body: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new OperationError('HF_CONTROL_INVALID', 'the body is not JSON in UTF-8');
  }
  return checked(schema, value, 'body');
}

/**
 * The query of a request target, as its schema has it. Each name may come once.
 * @throws OperationError that says what is wrong
 */
export function validQuery(schema: z.ZodType, target: string): unknown {
  const mark = target.indexOf('?');
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))) {
    if (name in values) throw new OperationError('HF_CONTROL_INVALID', `query: ${shortened(name)} is there twice`);
    values[name] = value;
  }
  return checked(schema, { ...values }, 'query');
}

function checked(schema: z.ZodType, value: unknown, what: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` ${shortened(issue.path.join('.'))}:`;
  throw new OperationError('HF_CONTROL_INVALID', `${what}:${place} ${shortened(issue?.message ?? 'not valid')}`);
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
