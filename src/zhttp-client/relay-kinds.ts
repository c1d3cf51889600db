/** First frame of the messages between a process that serves connections and the one that has the handlers. */
export const OFFER = Buffer.from('o');
export const WITHDRAW = Buffer.from('w');
export const ROUTE = Buffer.from('r');
export const PACKET = Buffer.from('p');
export const REFUSED = Buffer.from('f');
export const LOST = Buffer.from('l');

/**
 * What the messages of each direction have in common: nothing waits in vain, so no bound is needed but that of the
 * sessions, and what is passed on was bounded where it came in.
 */
export const RELAY_OPTIONS = { sendHwm: 0, receiveHwm: 0, linger: 10_000, maxMessageBytes: Number.POSITIVE_INFINITY };

/** The process that a session's id belongs to: what stands in front of the first hyphen. */
export function processOf(id: string): string {
  const end = id.indexOf('-');
  return end < 0 ? '' : id.slice(0, end);
}
