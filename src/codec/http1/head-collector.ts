import { isTokenCode } from './chars.ts';
import type { FieldLines } from './field-lines.ts';
import { HeaderBlocks } from './header-blocks.ts';
import { Http1Error } from './http1-error.ts';
import type { Http1Limits } from './http1-limits.ts';

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const LF = 0x0a;
const CR = 0x0d;

/**
 * Collects the bytes of one head: the start line and the field lines, up to the empty line. It finds the end and
 * enforces the bounds; the parsers give the lines their meaning. The outcome does not depend on how the bytes are split.
 */
export class HeadCollector {
  /** Offset after the head in the input of the last `collect`. */
  offset = 0;
  /** End of the start line that `knownFields` found, with its line end. */
  protected lineEnd = 0;
  protected readonly limits: Http1Limits;
  /** The lines so far, the last one perhaps unfinished. */
  #text = '';
  #lines = 0;
  #lineLength = 0;

  constructor(limits: Http1Limits) {
    this.limits = limits;
  }

  /** Whether part of the head has arrived. */
  get started(): boolean {
    return this.#text !== '';
  }

  /**
   * Reads `input` from `offset`. Returns the head's lines, each with its line end, as soon as the head is complete, or as
   * soon as the parser is certain to refuse them; null if more is needed.
   * @throws Http1Error `head-too-large`, `target-too-long`
   */
  collect(input: Buffer, offset: number): string | null {
    if (this.#text === '') checkFirst(input[offset]);
    const end = this.#wholeHead(input, offset);
    if (end >= 0) {
      const text = input.toString('latin1', offset, end);
      if (!this.limits.lenientLineEnds || !endsEarlier(text)) {
        this.offset = end + 2;
        return text;
      }
    }
    return this.#collectLines(input, offset);
  }

  /**
   * The parsed field lines of a head that is complete in `input` from `offset`, if the same lines came before; else null. If so, `offset` is set as by
   * `collect`, and `lineEnd` to the end of the start line.
   */
  protected knownFields(input: Buffer, offset: number): FieldLines | null {
    if (this.#text !== '') return null;
    checkFirst(input[offset]);
    const end = this.#wholeHead(input, offset);
    if (end < 0) return null;
    const line = input.indexOf(LF, offset) + 1;
    // An empty line, or one that ends in a bare LF, takes the slow path.
    if (line - offset < 3 || input[line - 2] !== CR) return null;
    // With lenient line ends the head may end earlier, at an empty line among these; but then they are no field lines.
    const fields = HeaderBlocks.under(this.limits).find(input, line, end);
    if (fields === null) return null;
    this.lineEnd = line;
    this.offset = end + 2;
    return fields;
  }

  /** Where the empty line starts, if the head is complete in `input` from `offset` and within the limits; else -1. */
  #wholeHead(input: Buffer, offset: number): number {
    if (this.#text !== '') return -1;
    const end = input.indexOf(HEAD_END, offset);
    return end >= 0 && end + 4 - offset <= this.limits.maxHeadBytes ? end + 2 : -1;
  }

  #collectLines(input: Buffer, offset: number): string | null {
    const { maxHeadBytes, maxHeaders, lenientLineEnds } = this.limits;
    let position = offset;
    while (position < input.length) {
      const lf = input.indexOf(LF, position);
      const end = lf < 0 ? input.length : lf + 1;
      if (this.#text.length + end - position > maxHeadBytes) throw this.#tooLarge();
      // Reading a character also flattens the text: otherwise bytes that arrive one by one would cost a string node each.
      const afterCr = lf > position ? input[lf - 1] === CR : this.#text.charCodeAt(this.#text.length - 1) === CR;
      this.#text += input.toString('latin1', position, end);
      this.#lineLength += end - position;
      position = end;
      if (lf < 0) break;
      // The parser refuses a bare LF, or an earlier fault in the lines before it.
      if (!afterCr && !lenientLineEnds) return this.#take(position, this.#text);
      if (this.#lineLength === (afterCr ? 2 : 1) && this.#lines > 0) {
        return this.#take(position, this.#text.slice(0, -this.#lineLength));
      }
      // One empty line before the start line is skipped (RFC 9112 §2.2); the parser refuses a second one.
      this.#lines++;
      this.#lineLength = 0;
      if (this.#lines > maxHeaders + 2) return this.#take(position, this.#text);
    }
    this.offset = position;
    return null;
  }

  #take(offset: number, text: string): string {
    this.offset = offset;
    this.#text = '';
    this.#lines = 0;
    this.#lineLength = 0;
    return text;
  }

  #tooLarge(): Http1Error {
    const { maxHeadBytes } = this.limits;
    return this.#lines === 0
      ? new Http1Error('target-too-long', `start line exceeds ${maxHeadBytes} bytes`)
      : new Http1Error('head-too-large', `header exceeds ${maxHeadBytes} bytes`);
  }
}

/** Whether `text` already contains an empty line, after or with a bare LF. */
function endsEarlier(text: string): boolean {
  return text.includes('\n\n') || text.includes('\n\r\n');
}

/** A TLS handshake or other noise on a plain port has no line ends to wait for: every start line starts with a token. */
function checkFirst(byte: number | undefined): void {
  if (byte === undefined || isTokenCode(byte) || byte === CR || byte === LF) return;
  throw new Http1Error('malformed', 'start line does not start with a token');
}
