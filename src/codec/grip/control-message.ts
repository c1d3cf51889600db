import { isUtf8 } from 'node:buffer';
import { MAX_CONTROL_BYTES } from '../websocket/index.ts';
import { GripError } from './grip-error.ts';
import { type Fail, JsonMembers } from './json-members.ts';
import { parseJson } from './parse-json.ts';

/** A message that the proxy sends to the client by itself. */
export interface MessageContent {
  readonly type: 'text' | 'binary' | 'ping' | 'pong';
  /** Text is UTF-8; at most 125 bytes for a ping or pong. */
  readonly content: Buffer;
}

/** What is matched of a client's messages by a rule that responds to them. */
export interface MessageMatch {
  readonly type: MessageContent['type'];
  /** Null: any. */
  readonly content: Buffer | null;
  /** A JSON pointer (RFC 6901) to the string in the message that has to be `content`; null: the message itself. */
  readonly pointer: string | null;
}

/** What a client is to be subscribed to, or no longer. */
export interface Subscription {
  readonly channel: string;
  /** Whether the channel is a pattern, of which nothing is checked. */
  readonly pattern: boolean;
}

/** A control message of an origin on a WebSocket (`c:` and a JSON object). */
export type ControlMessage =
  | (Subscription & {
      readonly type: 'subscribe';
      readonly filters: readonly string[];
      /** The cursor of what the client has; null where the origin does not know. */
      readonly since: string | null;
    })
  | (Subscription & { readonly type: 'unsubscribe' })
  | { readonly type: 'detach' }
  | { readonly type: 'session'; readonly id: string | null }
  | { readonly type: 'set-meta'; readonly name: string; readonly value: string | null }
  | {
      readonly type: 'keep-alive';
      /** Null: it is switched off. */
      readonly message: MessageContent | null;
      /** Seconds, at least 1. */
      readonly timeout: number;
      readonly interval: boolean;
    }
  | {
      readonly type: 'send-delayed';
      readonly message: MessageContent;
      /** Seconds. */
      readonly timeout: number;
    }
  | { readonly type: 'flush-delayed' }
  | {
      readonly type: 'auto-respond';
      readonly match: MessageMatch;
      /** Null: the rule is removed. An empty part of it is that of the message it responds to. */
      readonly response: {
        readonly type: MessageContent['type'] | null;
        readonly content: Buffer | null;
      } | null;
    };

const EMPTY = Buffer.alloc(0);
const DEFAULT_KEEP_ALIVE = 55;
const DEFAULT_DELAY = 1;

/** The longest wait that may be asked for, in seconds: longer than any connection lasts. */
const LONGEST_WAIT = 86_400;

/**
 * Reads a control message, without its `c:`.
 * @throws GripError that says what is wrong with it
 */
export function parseControlMessage(body: Buffer): ControlMessage {
  const value = parseJson(body);
  if (value === undefined) return fail('not JSON');
  const message = new JsonMembers(value, 'control message', fail);
  const type = message.string('type') ?? message.missing('type');
  switch (type) {
    case 'subscribe':
      return {
        type,
        ...subscriptionOf(message),
        filters: message.strings('filters') ?? [],
        since: message.string('since'),
      };
    case 'unsubscribe':
      return { type, ...subscriptionOf(message) };
    case 'detach':
    case 'flush-delayed':
      return { type };
    case 'session':
      return { type, id: message.string('id') };
    case 'set-meta':
      return { type, name: message.string('name') || message.missing('name'), value: message.string('value') };
    case 'keep-alive': {
      const content = contentOf(message);
      const timeout = Math.max(1, message.integer('timeout', 0, LONGEST_WAIT) ?? DEFAULT_KEEP_ALIVE);
      const mode = message.string('mode') ?? 'idle';
      if (mode !== 'idle' && mode !== 'interval') return message.invalidValue('mode');
      return { type, message: content, timeout, interval: mode === 'interval' };
    }
    case 'send-delayed': {
      const content = contentOf(message) ?? message.missing('content');
      return { type, message: content, timeout: message.integer('timeout', 0, LONGEST_WAIT) ?? DEFAULT_DELAY };
    }
    case 'auto-respond':
      return autoRespond(message);
    default:
      return fail(`unknown type '${type}'`);
  }
}

function subscriptionOf(message: JsonMembers): Subscription {
  const channel = message.string('channel') || message.missing('channel');
  // Begins what no channel is called (the hub's `patternKey`).
  if (channel.startsWith('\0')) message.invalidValue('channel');
  return { channel, pattern: message.boolean('pattern') ?? false };
}

/** The message to send; null where none is given. */
function contentOf(message: JsonMembers): MessageContent | null {
  const type = messageType(message, 'message-type') ?? 'text';
  const content = message.bytes('content', 'content-bin');
  if (content === null) return null;
  checkContent(type, content, message);
  return { type, content };
}

function checkContent(type: MessageContent['type'], content: Buffer, message: JsonMembers): void {
  if (type === 'text' ? !isUtf8(content) : type !== 'binary' && content.length > MAX_CONTROL_BYTES)
    message.invalidValue('content');
}

function autoRespond(message: JsonMembers): ControlMessage {
  const matched = messageType(message, 'match-message-type') ?? message.missing('match-message-type');
  const match: MessageMatch = {
    type: matched,
    content: message.bytes('match-content', 'match-content-bin'),
    pointer: message.string('match-content-ptr'),
  };
  const type = messageType(message, 'message-type');
  const content = message.bytes('content', 'content-bin');
  if (type === null && content === null) return { type: 'auto-respond', match, response: null };
  checkContent(type ?? (matched === 'ping' ? 'pong' : matched), content ?? EMPTY, message);
  return { type: 'auto-respond', match, response: { type, content } };
}

function messageType(message: JsonMembers, key: string): MessageContent['type'] | null {
  const type = message.string(key);
  if (type === null || type === 'text' || type === 'binary' || type === 'ping' || type === 'pong') return type;
  return message.invalidValue(key);
}

const fail: Fail = (detail) => {
  throw new GripError(detail);
};
