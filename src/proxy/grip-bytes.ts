/**
 * Bytes of all GRIP responses that are being read: instruct bodies that are not complete, and initial bodies that wait for their clients. Responses that
 * several clients share count too.
 * @bound grip-response-bodies
 */
export const MAX_GRIP_BYTES = 134_217_728;

/** Counts what the GRIP responses of a proxy keep while they are read. */
export class GripBytes {
  used = 0;

  /** Whether the bound is reached: then each response may keep less than usual. */
  get full(): boolean {
    return this.used > MAX_GRIP_BYTES;
  }
}
