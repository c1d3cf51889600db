import type { HeaderList } from '../exchange/index.ts';
import { ERRORS, type ErrorCode, errorCounts } from '../exchange/index.ts';

/** Why an operation is refused, for its caller. It counts itself, as an `ExchangeError` does. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly code: ErrorCode;
  readonly headers: HeaderList;

  /** @param detail a sentence about this request; empty for the text of the catalogue */
  constructor(code: ErrorCode, detail = '', headers: HeaderList = []) {
    super(detail === '' ? ERRORS[code].text : detail);
    this.code = code;
    this.headers = headers;
    errorCounts.note(code);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
