import {
  type ControlMessage,
  GripError,
  MAX_FILTERS,
  parseControlMessage,
  type Subscription,
} from '../codec/grip/index.ts';
import type { Route } from '../config/index.ts';
import { clientNames, type ExchangeError, type RequestHead, type WebSocketRequester } from '../exchange/index.ts';
import { type FilterService, subscriptionKey, type WebSocketHold, type WebSocketOwner } from '../hub/index.ts';
import { AutoResponder } from './auto-responder.ts';
import type { GripWebSocketMove, GripWebSocketState } from './grip-websocket-state.ts';
import type { Permit } from './guard/permit.ts';
import { holdProblem } from './hold-problem.ts';
import { MAX_CONTROL_MESSAGE, OriginMessages, type OriginMessagesSink } from './origin-messages.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { TargetWebSocketResponder } from './proxy-target.ts';
import { HeldSession, movedSession } from './session-state.ts';
import { DelayedMessage, KeepAliveMessage } from './websocket-timers.ts';

/** Normal closure (RFC 6455 §7.4.1). */
const NORMAL = 1000;

/** Internal error (RFC 6455 §7.4.1). */
const INTERNAL_ERROR = 1011;

/** Policy violation (RFC 6455 §7.4.1). */
const POLICY_VIOLATION = 1008;

/** What `GripWebSocket` stands between. */
export interface GripWebSocketOptions {
  readonly request: RequestHead;
  readonly route: Route;
  /** What the client's token permits; null for everything. */
  readonly permit: Permit | null;
  /** Begins the messages that go on to the client; null where the origin does not speak GRIP, and all go on. */
  readonly prefix: Buffer | null;
  /** For filters that ask a service. */
  readonly filters: FilterService;
  readonly requester: WebSocketRequester;
  readonly credits: number;
  readonly relay: GripWebSocketRelay;
  /** What another process had, if the client has moved from there. */
  readonly moved?: GripWebSocketState;
}

/** What stands between a `GripWebSocket` and the origin. */
export interface GripWebSocketRelay {
  /** The origin, which may not be known yet. */
  readonly origin: TargetWebSocketResponder;
  /** The origin has been let go: what the client sends does not wait for it any more. */
  onReleased(): void;
}

/**
 * GRIP on one WebSocket: carries out the origin's control messages, and lets what is published in between the messages that it sends to the
 * client. The origin may leave, and the client stay.
 */
export class GripWebSocket implements WebSocketOwner, OriginMessagesSink {
  /** The origin has been let go: it gets no more calls, and its own do not count. */
  released = false;
  readonly #room: ProxyRoom;
  readonly #options: GripWebSocketOptions;
  readonly #hold: WebSocketHold;
  readonly #messages: OriginMessages;
  /** Channels that the origin cannot leave. */
  #always: string[] | null = null;
  #keepAlive: KeepAliveMessage | null = null;
  #delayed: DelayedMessage | null = null;
  /** Bytes of control messages that the origin gets credit for once nothing waits that they had sent to the client. */
  #controlCredit = 0;
  #responder: AutoResponder | null = null;
  /** Credit that the client has from the origin, less what it has spent on what went there. */
  #granted = 0;
  /** The most that `#granted` has been: what the client has when nothing waits at the origin. */
  #window = 0;
  /** A close frame is on its way to the client. */
  #closing = false;

  constructor(room: ProxyRoom, options: GripWebSocketOptions) {
    const { request, route, requester, credits, prefix } = options;
    this.#room = room;
    this.#options = options;
    this.#messages = new OriginMessages(prefix, this);
    this.#hold = room.hub.holdWebSocket({
      id: request.id,
      requestId: request.requestId ?? '',
      request,
      requester,
      credits,
      owner: this,
      route: route.id,
      user: options.permit?.user ?? null,
      channelPrefix: route.prefix,
      debug: route.debug,
      filterService: options.filters,
      envelope: route.cursor === 'envelope',
      slow: route.slow,
      ...(options.moved && { moved: options.moved.hold }),
    });
    if (options.moved !== undefined) this.#goOn(options.moved);
  }

  // ---- the move to another process

  /** Begins to move, between two messages. Null where it cannot, or its origin cannot. */
  suspend(): GripWebSocketMove | null {
    const { released } = this;
    if (this.#closing || !this.#messages.settled || this.#controlCredit > 0) return null;
    const responder = this.#responder?.state ?? null;
    if (this.#responder !== null && responder === null) return null;
    const origin = released ? null : (this.#options.relay.origin.suspend?.() ?? null);
    const hold = released || origin !== null ? this.#hold.suspend() : null;
    if (hold === null) {
      origin?.resume();
      return null;
    }
    const keepAlive = this.#keepAlive?.state ?? null;
    const delayed = this.#delayed?.state ?? null;
    this.#keepAlive?.stop();
    this.#delayed?.stop();
    const timers = { keepAlive, delayed };
    const own = { prefix: this.#options.prefix, released, always: this.#always, responder };
    const credit = { granted: this.#granted, window: this.#window };
    return {
      state: { ...own, ...timers, ...credit, hold: hold.state, origin: origin?.state ?? null },
      resume: () => {
        this.#keepAlive?.goOn(keepAlive?.left ?? null);
        this.#delayed?.goOn(delayed?.left ?? null);
        origin?.resume();
        hold.resume();
      },
      forget: () => {
        this.released = true;
        origin?.forget();
        hold.forget();
      },
    };
  }

  #goOn({ released, always, keepAlive, delayed, responder, granted, window, hold }: GripWebSocketState): void {
    const room = this.#room;
    this.released = released;
    this.#always = always === null ? null : [...always];
    this.#granted = granted;
    this.#window = window;
    this.#hold.session = movedSession(room, hold.session);
    if (keepAlive !== null) {
      const { message, timeout, interval, left } = keepAlive;
      this.#keepAlive = new KeepAliveMessage(room, this.#hold, message, timeout, interval);
      this.#keepAlive.goOn(left);
    }
    if (delayed !== null) {
      this.#delayed = new DelayedMessage(room, this.#hold, delayed.message, 0);
      this.#delayed.goOn(delayed.left);
    }
    if (responder === null) return;
    this.#responder = new AutoResponder();
    for (const rule of responder) this.#responder.set(rule.match, rule.response);
  }

  /** Subscribes the client to a channel that the origin cannot leave. */
  subscribeAlways(channel: string): void {
    this.#always ??= [];
    this.#always.push(channel);
    this.#hold.subscribe(channel);
  }

  credit(bytes: number): void {
    this.#hold.credit(bytes);
  }

  /** The WebSocket has ended. */
  end(): void {
    this.released = true;
    this.#keepAlive?.stop();
    this.#delayed?.stop();
    this.#hold.end();
  }

  // ---- from the client

  /** The origin lets the client send so many bytes more. */
  grant(bytes: number): void {
    if (this.released) return;
    this.#granted += bytes;
    if (this.#granted > this.#window) this.#window = this.#granted;
    this.#options.requester.onRequestCredit(bytes);
  }

  fromClient(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.released) {
      // What a client sends after its origin has left is thrown away.
      this.#options.requester.onRequestCredit(chunk.length);
    } else if (this.#responder === null) {
      this.#granted -= chunk.length;
      this.#options.relay.origin.onRequestMessage(chunk, text, more);
    } else {
      const reply = this.#responder.message(chunk, text, more);
      if (reply === null) {
        this.#granted -= chunk.length;
        this.#options.relay.origin.onRequestMessage(chunk, text, more);
      } else {
        this.#hold.reply(reply, chunk.length);
      }
    }
  }

  controlFromClient(kind: 'ping' | 'pong', data: Buffer): void {
    const { requester, relay } = this.#options;
    const reply = this.#responder?.control(kind, data) ?? null;
    if (reply === null && !this.released) {
      this.#granted -= data.length;
      if (kind === 'ping') relay.origin.onRequestPing(data);
      else relay.origin.onRequestPong(data);
      return;
    }
    // RFC 6455 §5.5.2: without an origin the pong is sent here.
    if (kind === 'ping' && (reply === null || reply.type === 'pong'))
      this.#hold.pong(reply?.content ?? data, data.length);
    else if (reply !== null) this.#hold.reply(reply, data.length);
    else requester.onRequestCredit(data.length);
  }

  closeFromClient(code: number, reason: string): void {
    if (!this.released) {
      this.#options.relay.origin.onRequestClose(code, reason);
    } else if (!this.#closing) {
      this.#hold.close(code, reason);
      this.#stopTimers();
    }
  }

  // ---- from the origin

  fromOrigin(chunk: Buffer, text: boolean, more: boolean): void {
    if (!this.released) this.#messages.read(chunk, text, more);
  }

  controlFromOrigin(kind: 'ping' | 'pong', data: Buffer): void {
    if (!this.released) this.#hold.relayControl(kind, data);
  }

  closeFromOrigin(code: number, reason: string): void {
    if (this.released) return;
    this.#closing = true;
    this.#stopTimers();
    this.#hold.close(code, reason);
  }

  // ---- from its messages (OriginMessagesSink)

  onClientMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#hold.relay(chunk, text, more);
  }

  onUnknownMessage(): void {
    this.#room.log.debug({ ...clientNames(this.#hold) }, 'a message of the origin has neither prefix and is dropped');
  }

  onControlMessage(body: Buffer | null): void {
    if (body === null) this.#ignore(`it is over ${MAX_CONTROL_MESSAGE} bytes`);
    else this.#control(body);
  }

  onControlBytes(bytes: number): void {
    this.#controlCredit += bytes;
    if (!this.#hold.ownWaits) this.onOwnPassed();
  }

  #ignore(detail: string): void {
    this.#room.log.debug({ ...clientNames(this.#hold), detail }, 'control message ignored');
  }

  #control(body: Buffer): void {
    let message: ControlMessage;
    try {
      message = parseControlMessage(body);
    } catch (error) {
      if (!(error instanceof GripError)) throw error;
      this.#ignore(error.detail);
      return;
    }
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message, message.filters, message.since);
        break;
      case 'unsubscribe': {
        const { channel: name, pattern } = message;
        const key = subscriptionKey(this.#options.route.prefix, { name, pattern });
        if (this.#always?.includes(key) !== true) this.#hold.part(key);
        break;
      }
      case 'detach':
        // The client stays, and gets what is published.
        this.#release();
        break;
      case 'keep-alive':
        this.#keepAlive?.stop();
        this.#keepAlive =
          message.message === null
            ? null
            : new KeepAliveMessage(this.#room, this.#hold, message.message, message.timeout, message.interval);
        break;
      case 'send-delayed':
        this.#delayed?.stop();
        this.#delayed = new DelayedMessage(this.#room, this.#hold, message.message, message.timeout);
        break;
      case 'flush-delayed':
        this.#delayed?.flush();
        this.#delayed = null;
        break;
      case 'auto-respond':
        this.#responder ??= new AutoResponder();
        if (!this.#responder.set(message.match, message.response)) this.#responder = null;
        break;
      case 'set-meta':
        if (!this.#hold.setMeta(message.name, message.value)) {
          // Filters would not know what they need, and the client get what is not for it.
          this.#room.log.warn(
            { ...clientNames(this.#hold), name: message.name },
            'too much metadata, WebSocket closed',
          );
          this.#closeBoth(INTERNAL_ERROR);
        }
        break;
      case 'session': {
        const { sessions } = this.#room;
        const { session, prefix } = this.#options.route;
        if (sessions === null || !session) break;
        this.#hold.session = message.id === null ? null : new HeldSession(sessions, message.id, prefix);
        break;
      }
      default:
        break;
    }
  }

  #subscribe({ channel, pattern }: Subscription, filters: readonly string[], since: string | null): void {
    if (filters.length > MAX_FILTERS) {
      this.#room.log.warn({ ...clientNames(this.#hold), channel }, 'too many filters, WebSocket closed');
      this.#closeBoth(INTERNAL_ERROR);
      return;
    }
    const { prefix } = this.#options.route;
    const problem = holdProblem(this.#options.permit, prefix, [{ name: channel, pattern }]);
    if (problem !== null) {
      const { code, detail } = problem;
      this.#room.log.info({ ...clientNames(this.#hold), code, detail }, 'subscription refused, WebSocket closed');
      // The name may have a prefix that clients are not to know.
      if (code === 'HF_GRIP_INVALID') this.#closeBoth(INTERNAL_ERROR, 'invalid pattern');
      else this.#closeBoth(POLICY_VIOLATION, 'the token does not permit the channel');
      return;
    }
    this.#hold.subscribe(subscriptionKey(prefix, { name: channel, pattern }), filters, since);
  }

  /** Lets the origin go. GRIP: one that is connected gets 1000, whatever was published. */
  #release(): void {
    if (this.released) return;
    const { relay, requester } = this.#options;
    const { origin } = relay;
    this.released = true;
    relay.onReleased();
    if (origin.release === undefined) origin.onRequestClose(NORMAL, '');
    else origin.release();
    // The origin returns nothing any more for what it has not taken yet.
    const owed = this.#window - this.#granted;
    if (owed > 0) requester.onRequestCredit(owed);
  }

  #closeBoth(code: number, reason = ''): void {
    this.#hold.close(code, reason);
    this.onPublishedClose();
  }

  #stopTimers(): void {
    this.#keepAlive?.stop();
    this.#delayed?.stop();
    this.#keepAlive = null;
    this.#delayed = null;
  }

  // ---- from the hold (WebSocketOwner)

  onRelayed(bytes: number): void {
    if (!this.released && bytes > 0) this.#options.relay.origin.onResponseCredit(bytes);
  }

  onReplied(bytes: number): void {
    this.#options.requester.onRequestCredit(bytes);
  }

  onOwnPassed(): void {
    const bytes = this.#controlCredit;
    this.#controlCredit = 0;
    this.onRelayed(bytes);
  }

  onPublishedClose(): void {
    this.#stopTimers();
    this.#closing = true;
    this.#release();
  }

  onRefresh(): void {
    if (!this.released) this.#options.relay.origin.refresh?.();
  }

  onHoldFailed(error: ExchangeError): void {
    const { released } = this;
    const { requester, relay } = this.#options;
    this.end();
    relay.onReleased();
    if (!released) relay.origin.onRequestError(error);
    requester.onResponseError(error);
  }
}
