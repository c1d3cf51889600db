/** Content that is not encoded as announced. The message continues "the body is". */
export class ContentError extends Error {
  override readonly name = 'ContentError';
}
