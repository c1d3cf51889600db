/** What is counted of webhooks. */
export class WebhookCounters {
  /** Events that wait until receivers take them. */
  eventsHeld = 0;
  /** Events that receivers have taken. */
  eventsDelivered = 0;
  /** Events that were dropped: too old, too many, or the receiver wants none any more. */
  eventsDropped = 0;
  /** Requests that receivers did not take, tries that were repeated included. */
  requestsFailed = 0;
  /** As `ServerCounters.faults`. */
  faults = 0;
}
