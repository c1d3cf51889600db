const SPACE = 0x20;
const ZERO = 0x30;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const VERSION = Buffer.from('HTTP/1.', 'latin1');
/** Bytes of `HTTP/1.1 200`. */
const STATUS_LINE = 12;
const LENGTH_FIELD = 'content-length';
const CODING_FIELD = 'transfer-encoding';

/** Beginning of a response as a handler wrote it. */
export interface AnswerHead {
  readonly status: number;
  /** Where the body begins; the end of the bytes if the head does not end in them. */
  readonly end: number;
  /** Bytes of the body by Content-Length; -1 if there is no such field. */
  readonly bodyLength: number;
  readonly chunked: boolean;
}

/**
 * Reads the head of a response that begins at `start`; null if there is no status line. Nothing is checked: it is only for the log.
 * @param most bytes to be read; a head that is longer is taken for one that does not end
 */
export function readAnswerHead(bytes: Buffer, start: number, most: number): AnswerHead | null {
  const text = start === 0 && bytes.length <= most ? bytes : bytes.subarray(start, start + most);
  const status = statusOf(text);
  if (status === 0) return null;
  let bodyLength = -1;
  let chunked = false;
  let end = bytes.length;
  for (let at = lineAfter(text, 0); at < text.length; at = lineAfter(text, at)) {
    const first = text[at] as number;
    if (first === LINE_FEED || (first === CARRIAGE_RETURN && text[at + 1] === LINE_FEED)) {
      end = start + lineAfter(text, at);
      break;
    }
    if (hasName(text, at, LENGTH_FIELD)) bodyLength = numberAt(text, at + LENGTH_FIELD.length + 1);
    else if (hasName(text, at, CODING_FIELD)) chunked = true;
  }
  return { status, end, bodyLength, chunked };
}

/** The status of a status line; 0 if it is none. */
function statusOf(text: Buffer): number {
  if (text.length < STATUS_LINE || text.compare(VERSION, 0, VERSION.length, 0, VERSION.length) !== 0) return 0;
  if (text[VERSION.length + 1] !== SPACE) return 0;
  let status = 0;
  for (let at = STATUS_LINE - 3; at < STATUS_LINE; at++) {
    const digit = (text[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}

/** Where the next line begins; the end if there is none. */
function lineAfter(bytes: Buffer, at: number): number {
  const feed = bytes.indexOf(LINE_FEED, at);
  return feed === -1 ? bytes.length : feed + 1;
}

/** Whether a field of this name, in lower case, begins at `at`. */
function hasName(bytes: Buffer, at: number, name: string): boolean {
  if (bytes[at + name.length] !== 0x3a) return false;
  for (let i = 0; i < name.length; i++) {
    if (((bytes[at + i] as number) | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** The decimal number at `at`, after spaces; -1 if there is none. */
function numberAt(bytes: Buffer, at: number): number {
  while (bytes[at] === SPACE) at++;
  let value = -1;
  for (; at < bytes.length; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = Math.max(value, 0) * 10 + digit;
  }
  return value;
}
