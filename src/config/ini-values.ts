import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/**
 * The whole number that a value of an INI file is. Throws a `ConfigError`.
 * @param least it must not be below
 * @param also what else the key takes, for the message
 */
export function wholeNumber(text: string, least: number, also = ''): number {
  const number = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  const from = Number.isFinite(least) ? ` from ${least}` : '';
  if (!(number >= least)) throw textError(`expected ${also}a whole number${from}, got ${shown(text)}`);
  return number;
}

/** The truth value that it is, as Qt's settings are read. Throws a `ConfigError`. */
export function truthValue(value: string): boolean {
  const text = value.toLowerCase();
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0' || text === '') return false;
  throw textError(`expected true or false, got ${shown(text)}`);
}
