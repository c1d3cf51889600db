import { safeText } from './terminal.ts';

/** Says which nodes of a cluster have not answered, so that an answer may be a part. Empty where all have. */
export function missingText(missing: readonly string[] = []): string {
  return missing.length === 0 ? '' : `these nodes have not answered: ${missing.map(safeText).join(', ')}`;
}
