import { type ControlMessage, type MessageContent, stringAt } from '../codec/grip/index.ts';

type AutoRespond = Extract<ControlMessage, { readonly type: 'auto-respond' }>;
type Match = AutoRespond['match'];
type Response = AutoRespond['response'];

/** From what another process makes it again. */
export type AutoResponderState = readonly { readonly match: Match; readonly response: NonNullable<Response> }[];

/** Rules of one WebSocket. */
const MAX_RULES = 2;

/** Responds to messages of a client in place of its origin, by up to two rules. A message in pieces is never matched. */
export class AutoResponder {
  readonly #rules: { readonly match: Match; readonly response: NonNullable<Response> }[] = [];
  /** Further pieces of a message come. */
  #within = false;

  /** The rules, for another process, which sets them one by one. Null within a message. */
  get state(): AutoResponderState | null {
    return this.#within ? null : this.#rules.map(({ match, response }) => ({ match, response }));
  }

  /** Adds a rule, in place of the one with the same match; null removes that. Returns whether there are any rules. */
  set(match: Match, response: Response): boolean {
    const rules = this.#rules;
    const at = rules.findIndex((rule) => isSame(rule.match, match));
    if (response === null) {
      if (at >= 0) rules.splice(at, 1);
    } else if (at >= 0) {
      rules[at] = { match, response };
    } else if (rules.length < MAX_RULES) {
      rules.push({ match, response });
    }
    return rules.length > 0;
  }

  /** The reply to a piece of a message; null where the origin gets it. */
  message(chunk: Buffer, text: boolean, more: boolean): MessageContent | null {
    const single = !this.#within && !more;
    this.#within = more;
    return single ? this.control(text ? 'text' : 'binary', chunk) : null;
  }

  /** The reply to a ping, pong or whole message; null where the origin gets it. */
  control(type: MessageContent['type'], content: Buffer): MessageContent | null {
    for (const { match, response } of this.#rules) {
      if (match.type !== type || !matches(match, content)) continue;
      return {
        type: response.type ?? (type === 'ping' ? 'pong' : type),
        content: response.content ?? content,
      };
    }
    return null;
  }
}

function isSame(a: Match, b: Match): boolean {
  if (a.type !== b.type || a.pointer !== b.pointer) return false;
  return a.content === null || b.content === null ? a.content === b.content : a.content.equals(b.content);
}

function matches({ content, pointer }: Match, message: Buffer): boolean {
  if (pointer !== null) return content !== null && stringAt(message, pointer) === content.toString();
  return content === null || content.equals(message);
}
