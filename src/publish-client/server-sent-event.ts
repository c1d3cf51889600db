/** An event of an EventSource stream (HTML, "Server-sent events"). */
export interface ServerSentEvent {
  /** Type of the event. Default: `message`. */
  readonly event?: string;
  /** Sent back by the client as Last-Event-ID when it connects again. */
  readonly id?: string;
  /** Milliseconds before the client connects again. */
  readonly retry?: number;
  /** May have several lines. */
  readonly data: string;
}

/**
 * The text of an event, to be published as content of `httpStream`.
 * @throws TypeError when the type or the id has a line end, or the id a NUL, which would make it another event
 */
export function serverSentEvent({ event, id, retry, data }: ServerSentEvent): string {
  if (event !== undefined && /[\r\n]/.test(event)) throw new TypeError('the type of the event has a line end');
  if (id !== undefined && /[\r\n\0]/.test(id)) throw new TypeError('the id of the event has a line end or a NUL');
  let text = '';
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  return `${text}\n`;
}
