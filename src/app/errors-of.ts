import type { ControlBackend } from '../control/index.ts';
import { ERRORS, type ErrorCode, type ErrorCounts } from '../exchange/index.ts';

/** The failures that came so far, the most frequent first, with what the catalogue says of them. */
export function errorsOf(counts: ErrorCounts): ReturnType<NonNullable<ControlBackend['errors']>> {
  return Array.from(counts.entries(), ([code, { count, last }]) => {
    // A worker may be of another version while the program is upgraded.
    const face = ERRORS[code as ErrorCode] ?? { status: 0, text: '' };
    return { code, count, last: new Date(last).toISOString(), status: face.status, text: face.text };
  }).sort((a, b) => b.count - a.count);
}
