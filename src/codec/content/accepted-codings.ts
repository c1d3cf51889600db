import { type FieldList, fieldValues, listMembers } from '../fields/index.ts';
import type { EncodedCoding } from './body-encoder.ts';

/** A weight (RFC 9110 §12.4.2). */
const WEIGHT = /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/i;

/** The codings that a client accepts in a response, best first (RFC 9110 §12.5.3), of those in `codings`, which are in the server's order. */
export function acceptedCodings(headers: FieldList, codings: readonly EncodedCoding[]): EncodedCoding[] {
  const values = fieldValues(headers, 'accept-encoding');
  if (values.length === 0) return [];
  const weights = new Map<string, number>();
  for (const member of listMembers(values)) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim());
    weights.set(plainName(name), weightOf(parameters));
  }
  const any = weights.get('*') ?? 0;
  const weight = (coding: EncodedCoding) => weights.get(coding) ?? any;
  // The content as it is comes after all that the client names, unless it gets a weight.
  const least = weights.get('identity') ?? 0;
  return codings
    .filter((coding) => weight(coding) > 0 && weight(coding) >= least)
    .sort((one, other) => weight(other) - weight(one));
}

/** RFC 9110 §8.4.1.3: x-gzip is gzip. */
function plainName(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'x-gzip' ? 'gzip' : lower;
}

/** A weight that is malformed refuses the coding: the content as it is is always safe. */
function weightOf(parameters: readonly string[]): number {
  const [weight] = parameters;
  if (weight === undefined) return 1;
  return Number(WEIGHT.exec(weight)?.[1] ?? 0);
}
