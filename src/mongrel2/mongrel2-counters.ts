/** What Mongrel2 servers count. */
export class Mongrel2Counters {
  /** Exceptions that ended one connection or command. They are defects of Holdfast, and the log has the stack of each. */
  faults = 0;
  /** Bodies that were written to files. */
  uploads = 0;
  /** Files that are being written. */
  uploadsOpen = 0;
  /** Bodies that could not be written, or were given up because too many were. */
  uploadsFailed = 0;
}
