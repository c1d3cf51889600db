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

/** Reads the head of a response that begins at `start`; null if there is no status line. Nothing is checked: it is only for the log. */
export function readAnswerHead(bytes: Buffer, start: number): AnswerHead | null {
  const status = statusAt(bytes, start);
  if (status === 0) return null;
  let bodyLength = -1;
  let chunked = false;
  let end = bytes.length;
  for (let at = lineAfter(bytes, start); at < bytes.length; at = lineAfter(bytes, at)) {
    const first = bytes[at] as number;
    if (first === LINE_FEED || (first === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED)) {
      end = lineAfter(bytes, at);
      break;
    }
    if (hasName(bytes, at, LENGTH_FIELD)) bodyLength = numberAt(bytes, at + LENGTH_FIELD.length + 1);
    else if (hasName(bytes, at, CODING_FIELD)) chunked = true;
  }
  return { status, end, bodyLength, chunked };
}

/** The status of the line at `start`; 0 if it is no status line. */
function statusAt(bytes: Buffer, start: number): number {
  if (
    bytes.length - start < STATUS_LINE ||
    bytes.compare(VERSION, 0, VERSION.length, start, start + VERSION.length) !== 0
  ) {
    return 0;
  }
  if (bytes[start + VERSION.length + 1] !== SPACE) return 0;
  let status = 0;
  for (let at = start + STATUS_LINE - 3; at < start + STATUS_LINE; at++) {
    const digit = (bytes[at] as number) - ZERO;
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
