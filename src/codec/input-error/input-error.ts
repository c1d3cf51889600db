/**
 * What codecs throw for bytes or values that they cannot take. Its stack is empty: the message says what is wrong with the input, and collecting a stack
 * would cost more than reading most messages, which a peer that sends malformed ones could use.
 */
export abstract class InputError extends Error {
  constructor(message: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
