import type { HeaderList } from '../exchange/index.ts';
import { ERRORS, type ErrorCode } from '../exchange/index.ts';

/** Why an operation is refused, for its caller. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly code: ErrorCode;
  readonly headers: HeaderList;

  /** @param detail a sentence about this request; empty for the text of the catalogue */
  constructor(code: ErrorCode, detail = '', headers: HeaderList = []) {
    super(detail === '' ? ERRORS[code].text : detail);
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
