import { listMembers } from '../fields/index.ts';
import { extensionName } from '../websocket/index.ts';

/** How an origin speaks GRIP on a WebSocket. */
export interface GripExtension {
  /** Begins each message that goes on to the client, which gets it without. Empty: all but control messages go on as they are. */
  readonly prefix: Buffer;
}

/** The prefix of an origin that names none. */
const DEFAULT_PREFIX = 'm:';

/** The extension that was read last: an origin names the same one on each of its WebSockets, which share it. */
let last = { text: DEFAULT_PREFIX, extension: { prefix: Buffer.from(DEFAULT_PREFIX, 'latin1') } };

const PREFIX = /;[ \t]*message-prefix[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;",]*))/i;

/** What the values of an origin's Sec-WebSocket-Extensions say of GRIP; null if they do not name it. */
export function gripExtension(values: readonly string[]): GripExtension | null {
  for (const member of listMembers(values)) {
    if (extensionName(member) !== 'grip') continue;
    const [, quoted, plain] = PREFIX.exec(member) ?? [];
    const prefix = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? DEFAULT_PREFIX;
    if (prefix !== last.text) last = { text: prefix, extension: { prefix: Buffer.from(prefix, 'latin1') } };
    return last.extension;
  }
  return null;
}
