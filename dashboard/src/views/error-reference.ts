import reference from '../../../docs/reference/errors.md?raw';
import { reasonsOf } from './reasons-of.ts';

/** What the reference of errors says about each code. */
export const REASONS = reasonsOf(reference);
