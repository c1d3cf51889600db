/** What is counted of spans. */
export class TraceCounters {
  /** Spans that the collector has taken. */
  spansExported = 0;
  /** Spans that were dropped: too many waited, the collector did not take them, or refused them. */
  spansDropped = 0;
  /** Bytes of spans that wait for the collector. */
  spanBytesHeld = 0;
  /** Requests to the collector that failed, tries that were repeated included. */
  exportsFailed = 0;
  /** As `ServerCounters.faults`. */
  faults = 0;
}
