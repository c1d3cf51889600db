import { crc32 } from 'node:zlib';

/** What is known of a store besides its log. */
export interface StoreState {
  readonly epoch: string;
  /** No cursor below it continues. */
  readonly floor: number;
  /** No cursor below it continues a channel that is not in the log. */
  readonly unknownFloor: number;
  /** Numbers up to this one may have been given. */
  readonly reserved: number;
  /** The run of the machine in which it was written. */
  readonly boot: string;
  /** Whether the store was stopped: then all is on the disk, and `reserved` is the last number that was given. */
  readonly clean: boolean;
  /** The text of `setRules`; null before the first, and while they are being applied. */
  readonly rules: string | null;
}

/** Its version, which a later program may have made a higher one. */
const VERSION = 1;

/** The text of a state, with a checksum. */
export function stateText(state: StoreState): string {
  const text = JSON.stringify(state);
  return `holdfast history ${VERSION} ${crc32(text)}\n${text}\n`;
}

/**
 * Reads what `stateText` wrote.
 * @returns null when it is damaged
 * @throws Error when a later version has written it
 */
export function parseState(content: string): StoreState | null {
  const [head = '', text = ''] = content.split('\n');
  const [program, , version, sum] = head.split(' ');
  if (program !== 'holdfast' || sum !== String(crc32(text))) return null;
  if (version !== String(VERSION))
    throw new Error(`it has version ${version}, and this program knows version ${VERSION}`);
  return JSON.parse(text) as StoreState;
}
