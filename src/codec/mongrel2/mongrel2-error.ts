import { InputError } from '../input-error/index.ts';

/** What is wrong with a message. */
export type Mongrel2ErrorKind =
  /** The bytes are not a message. */
  | 'malformed'
  /** It names more connections than it may. */
  | 'too-many'
  /** It has more bytes than it may. */
  | 'too-large'
  /** An extended answer that nobody understands, or with a value of the wrong type. */
  | 'extension';

/** A message of Mongrel2's protocol that cannot be read or written. */
export class Mongrel2Error extends InputError {
  override readonly name = 'Mongrel2Error';
  readonly kind: Mongrel2ErrorKind;
  /** The connections that the message is for, where that could be read: an extended answer that is refused closes them. Else empty. */
  readonly ids: readonly number[];

  constructor(kind: Mongrel2ErrorKind, message: string, ids: readonly number[] = []) {
    super(message);
    this.kind = kind;
    this.ids = ids;
  }
}
