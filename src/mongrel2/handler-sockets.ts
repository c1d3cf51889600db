import { type AwaitsTurn, retryDelay, SHARE, Ticker, turnBudget, WheelTimer } from '../clock/index.ts';
import { HandlerMessages } from '../codec/mongrel2/index.ts';
import type { Mongrel2Handler } from '../config/index.ts';
import { LineRate } from '../exchange/index.ts';
import { type PushPeer, PushSocket, SubSocket, type ZmqError } from '../zmq/index.ts';
import type { SiteContext } from './site-context.ts';
import { UntakenMessages, type WaitingMessage } from './untaken-messages.ts';

/** Messages that may be on their way to one handler process: few, so that others get what a slow one cannot take. */
const HANDLER_HWM = 128;

/** Bytes of one answer. A handler that sends more is cut off. */
const MAX_ANSWER_BYTES = 134_217_728;

/** Milliseconds that a message waits for a handler to take it. */
export const HANDLER_PATIENCE = 30_000;

/** Milliseconds between two looks at what has waited for too long. */
const TICK = 1_000;

/** Milliseconds that closing gives to what is still to be sent. */
const LINGER = 1_000;

/** A number that every input exceeds: asks whether the time of this turn is over. */
const ANY_INPUT = Number.MAX_SAFE_INTEGER;

/** Takes the answers of handlers. */
export interface AnswerSink {
  /** @returns for how many connections the answer was */
  onAnswer(message: Buffer, sockets: HandlerSockets): number;
}

/** Binds again after a while. */
class Rebind extends WheelTimer {
  readonly #sockets: HandlerSockets;

  constructor(sockets: HandlerSockets) {
    super();
    this.#sockets = sockets;
  }

  override onTimer(): void {
    void this.#sockets.open();
  }

  override onFault(thrown: unknown): void {
    this.#sockets.onFault(thrown);
  }
}

/**
 * The two sockets of one handler of a site (reference §6.1): PUSH for messages about clients, SUB for answers, both bound. Any number of processes may be connected. It owns
 * what waits for them.
 */
export class HandlerSockets implements AwaitsTurn {
  readonly handler: Mongrel2Handler;
  readonly messages: HandlerMessages;
  /** Whether both sockets are bound. */
  bound = false;
  /** Lines of the log about answers that were refused. */
  readonly refusals = new LineRate();
  /** The endpoints, with the ports that were taken. */
  readonly endpoints = { send: '', recv: '' };
  readonly #context: SiteContext;
  readonly #sink: AnswerSink;
  readonly #push: PushSocket;
  readonly #sub: SubSocket;
  readonly #waiting: UntakenMessages;
  readonly #ticker: Ticker;
  readonly #rebind = new Rebind(this);
  #failures = 0;
  #closing = false;
  /** Connections that answers may name before it is asked whether the time of the turn is over. */
  #share = SHARE;

  constructor(handler: Mongrel2Handler, context: SiteContext, sink: AnswerSink) {
    const { wheel, log, zmqCounters: counters, settings } = context;
    const { sendIdent: ident, protocol } = handler;
    this.handler = handler;
    this.messages = new HandlerMessages({ ident, protocol, keepForwardedFor: settings.keepForwardedFor });
    this.#context = context;
    this.#sink = sink;
    this.#waiting = new UntakenMessages(HANDLER_PATIENCE, context.maxWaitingBytes);
    const zmq = { wheel, counters, log };
    const push = { linger: LINGER, sendHwm: HANDLER_HWM, immediate: true };
    this.#push = new PushSocket(zmq, push, () => this.#sendWaiting());
    const sub = { linger: 0, maxMessageBytes: MAX_ANSWER_BYTES };
    this.#sub = new SubSocket(zmq, sub, (parts) => this.#onAnswer(parts[0] as Buffer));
    this.#sub.subscribe(handler.recvIdent);
    this.#ticker = new Ticker(TICK, this, () => this.#waiting.expire(wheel.now));
  }

  /** Binds the sockets. If that fails it is tried again, until the end; requests get a 502 meanwhile. */
  async open(): Promise<void> {
    const { wheel, log } = this.#context;
    const { name, sendSpec, recvSpec } = this.handler;
    try {
      if (this.endpoints.send === '') this.endpoints.send = await this.#push.bind(sendSpec);
      if (this.endpoints.recv === '') this.endpoints.recv = await this.#sub.bind(recvSpec);
      this.bound = true;
      if (this.#failures > 0) log.info({ handler: name }, 'endpoints of a handler bound');
    } catch (error) {
      if (this.#closing) return;
      const delay = retryDelay(this.#failures++);
      const detail = (error as ZmqError).message;
      log.error({ handler: name, detail, retryMs: Math.round(delay) }, 'endpoint of a handler cannot be bound');
      wheel.schedule(this.#rebind, delay);
    }
  }

  /**
   * Sends a message to a process, if that is possible now.
   * @param peer the one that is to get it, if it is still there; null for any
   * @returns the one that took it; null, with nothing done, if it has to wait
   */
  send(peer: PushPeer | null, message: Buffer | string): PushPeer | null {
    if (this.#waiting.blocks(peer)) return null;
    return this.#transmit(peer, message);
  }

  /** Keeps a message until a process takes it. Returns false, and does nothing, if too much waits already. */
  wait(waiting: WaitingMessage): boolean {
    return this.#waiting.add(waiting, this.#context.wheel.now);
  }

  /** Drops a message of `wait`, unless a process has taken it. */
  withdraw(waiting: WaitingMessage): void {
    this.#waiting.remove(waiting);
  }

  /** Drops what waits, and ends. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#ticker.stop();
    this.#context.wheel.cancel(this.#rebind);
    this.#waiting.clear();
    await Promise.all([this.#push.close(), this.#sub.close()]);
  }

  #transmit(peer: PushPeer | null, message: Buffer | string): PushPeer | null {
    const taker = this.#push.sendTo(peer, [message]);
    if (taker !== null) this.#context.counters.messagesSent++;
    return taker;
  }

  #sendWaiting(): void {
    this.#waiting.sendTo((peer, message) => this.#transmit(peer, message));
  }

  /** Further frames are ignored. An answer for many connections is as much work as many answers. */
  #onAnswer(message: Buffer): void {
    this.#share -= this.#sink.onAnswer(message, this);
    if (this.#share > 0) return;
    this.#share = SHARE;
    if (turnBudget.shareOf(ANY_INPUT) > 0) return;
    this.#sub.pause();
    turnBudget.wait(this);
  }

  onTurn(): void {
    this.#hear();
  }

  #hear(): void {
    if (!this.#closing) this.#sub.resume();
  }

  /** Whatever it was, answers go on to be heard. */
  onFault(thrown: unknown): void {
    this.#context.fault(thrown, { handler: this.handler.name });
    this.#hear();
  }
}
