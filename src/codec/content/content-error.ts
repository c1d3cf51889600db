import { InputError } from '../input-error/index.ts';

/** Content that is not encoded as announced. The message continues "the body is". */
export class ContentError extends InputError {
  override readonly name = 'ContentError';
}
