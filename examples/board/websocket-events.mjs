// The body of requests and responses of the type application/websocket-events: one event after the other, each a line with its type, and
// the length of its content in hex digits if it has any: "OPEN", or "TEXT 5" and "hello", each line ended by CR and LF.

/** The events of a body, with their contents as bytes; null if it is malformed. */
export function readEvents(body) {
  const events = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\r\n', at);
    const [, type, hex] = /^([A-Z]+)(?: ([0-9A-Fa-f]+))?$/.exec(body.toString('latin1', at, end)) ?? [];
    if (end < 0 || type === undefined) return null;
    at = end + 2;
    let content = Buffer.alloc(0);
    if (hex !== undefined) {
      const length = Number.parseInt(hex, 16);
      content = body.subarray(at, at + length);
      at += length + 2;
      if (at > body.length) return null;
    }
    events.push({ type, content });
  }
  return events;
}

/** The body with these events, whose contents are text or bytes. */
export function writeEvents(events) {
  const parts = events.flatMap(({ type, content = '' }) => {
    const bytes = Buffer.from(content);
    if (bytes.length === 0) return [Buffer.from(`${type}\r\n`)];
    return [Buffer.from(`${type} ${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat(parts);
}
