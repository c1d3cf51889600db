import { type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type ControlCounters, type Current, type Log, reportFault, TokenBucket } from '../exchange/index.ts';
import type { Publication } from '../hub/index.ts';
import type { MessagePublisher } from './message-publisher.ts';

/** What the configuration decides about publishing over ZeroMQ. */
export interface PublishRateLimits {
  /** Messages a second of all publishers; 0 for no limit. */
  readonly requestRate: number;
}

/**
 * Lets publications have their turn no faster than `request_rate`: the counterpart of a 429 over HTTP. While a message waits here its socket
 * is not read, so there is at most one of each socket.
 */
export class PublishRate extends WheelTimer {
  readonly #publisher: Pick<MessagePublisher, 'requestTurn'>;
  readonly #limits: Current<PublishRateLimits>;
  readonly #wheel: TimerWheel;
  readonly #host: { readonly counters: ControlCounters; readonly log: Log };
  readonly #bucket = new TokenBucket();
  #waiting: Publication[] = [];
  #closed = false;

  constructor(
    publisher: Pick<MessagePublisher, 'requestTurn'>,
    limits: Current<PublishRateLimits>,
    wheel: TimerWheel,
    host: { readonly counters: ControlCounters; readonly log: Log },
  ) {
    super();
    this.#publisher = publisher;
    this.#limits = limits;
    this.#wheel = wheel;
    this.#host = host;
  }

  /** As `MessagePublisher.requestTurn`, at once or later. */
  requestTurn(publication: Publication): void {
    if (this.#waiting.length === 0 && this.#mayPass()) {
      this.#publisher.requestTurn(publication);
      return;
    }
    this.#waiting.push(publication);
    this.#schedule();
  }

  /** The sockets are about to close. What was read of them has its turn now. */
  close(): void {
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#wheel.cancel(this);
    for (const publication of waiting) this.#publisher.requestTurn(publication);
  }

  override onTimer(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#mayPass(); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#publisher.requestTurn(first);
    }
    this.#schedule();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#host, thrown);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#waiting.length > 0 && !this.waiting) this.#wheel.schedule(this, this.#bucket.wait(this.#rate));
  }

  #mayPass(): boolean {
    const rate = this.#rate;
    return this.#closed || rate === 0 || this.#bucket.take(rate, rate, performance.now());
  }

  get #rate(): number {
    return this.#limits.current.requestRate;
  }
}
