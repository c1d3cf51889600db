/** What is counted of files. */
export class FilesCounters {
  /** Descriptors of files that are being sent. */
  filesOpen = 0;
  /** Requests refused because too many files were open. */
  filesRefused = 0;
  /** Files that could not be read, or were cut off while they were sent. */
  filesFailed = 0;
  /** As `ServerCounters.faults`. */
  faults = 0;
}
