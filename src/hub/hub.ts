import type { Hold, HttpStreamFormat, Instruct, PublishItem } from '../codec/grip/index.ts';
import type { Requester, RequestHead } from '../exchange/index.ts';
import { PublishedAnswer } from './answer.ts';
import { Channels } from './channel.ts';
import type { Held, HubRoom } from './held.ts';
import type { HubOptions } from './hub-options.ts';
import { KeepAlivePlans } from './keep-alive-plan.ts';
import { type FormerHold, type Replay, ResponseHold } from './response-hold.ts';
import { StreamHold } from './stream-hold.ts';
import { StreamRun } from './stream-run.ts';

/** An exchange that the hub is to take over. */
export interface HoldOptions {
  readonly request: RequestHead;
  /** What the origin said. Its `hold` must not be null. */
  readonly instruct: Instruct;
  /** Handed over to the hub within the call. */
  readonly requester: Requester;
  /** Bytes of response body that the requester has granted so far and that are unspent. */
  readonly credits: number;
  /** Null where the request cannot be sent again; not used for streams. */
  readonly replay: Replay | null;
  /** Whether the client has the head and the initial body of a stream already. False by default. */
  readonly responseStarted?: boolean;
  /** Put in front of the names of the channels. Empty by default. */
  readonly channelPrefix?: string;
  /** The hold that was handed to `replay`, when this one is what the replay led to: what it kept goes on here. */
  readonly former?: FormerHold | null;
}

/** Sizes of a hub. */
export interface HubStats {
  /** Clients held. */
  readonly holds: number;
  /** Channels with a client; one on which both responses and streams are held counts twice. */
  readonly channels: number;
}

/** The end of the streams of a channel. */
interface StreamClose {
  readonly close: string;
}

type Step = PublishedAnswer | StreamRun | StreamClose;

/**
 * Holds clients' exchanges and passes them what is published to their channels.
 *
 * What is published within one turn of the event loop is delivered at its end, in the order of publishing; items for the same
 * streams travel together. A client that is held between a publish and that moment gets the item.
 */
export class Hub {
  readonly #room: HubRoom;
  readonly #streams = new Channels<StreamHold>();
  readonly #responses = new Channels<ResponseHold>();
  readonly #keepAlives = new KeepAlivePlans();
  /** What was published and is not delivered yet. */
  #steps: Step[] = [];
  /** The last stream step, while contents can still be added to it. */
  #openRun: StreamRun | null = null;
  #scheduled = false;
  #draining = false;

  constructor(options: HubOptions) {
    this.#room = { ...options, holds: new Set<Held>() };
  }

  get stats(): HubStats {
    return { holds: this.#room.holds.size, channels: this.#streams.size + this.#responses.size };
  }

  /**
   * Takes over the exchange of a client that an origin wants held.
   * @throws TypeError for an instruct without a hold
   */
  hold(options: HoldOptions): void {
    const { instruct, request, former = null } = options;
    if (instruct.hold === null) throw new TypeError('an instruct without a hold');
    const names = this.#channelNames(instruct.hold, options.channelPrefix ?? '', request.id);
    if (instruct.hold.mode === 'stream') {
      this.#holdStream(options, instruct.hold, names);
      former?.release();
    } else {
      this.#holdResponse(options, instruct.hold, names);
    }
  }

  /** Passes items to the clients that wait on their channels, at the end of this turn of the event loop. */
  publish(items: readonly PublishItem[]): void {
    for (const { channel, httpResponse, httpStream } of items) {
      this.#room.counters.itemsPublished++;
      if (httpResponse !== null) this.#steps.push(new PublishedAnswer(channel, httpResponse));
      if (httpStream !== null) this.#addStream(channel, httpStream);
    }
    if (this.#scheduled || this.#steps.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  /** Items may have been lost on their way here: sends every held request that can be sent again to its origin. */
  recover(): void {
    this.#forEachHold((hold) => {
      hold.recover();
    });
  }

  /**
   * Delivers what was published, ends all streams and answers all held requests as if they had timed out. From now on what comes
   * to be held is treated so at once.
   */
  drain(): void {
    this.#draining = true;
    this.#deliver();
    this.#forEachHold((hold) => {
      hold.drain();
    });
  }

  /** Visits the holds of this moment that are still there when their turn comes. */
  #forEachHold(visit: (hold: Held) => void): void {
    const { holds } = this.#room;
    // A copy: a replay may lead to another hold at once, which is not to be visited.
    for (const hold of [...holds]) {
      if (holds.has(hold)) visit(hold);
    }
  }

  #holdStream(options: HoldOptions, hold: Hold, names: readonly string[]): void {
    const { request, requester, credits, instruct } = options;
    const stream = new StreamHold(this.#room, request.id, requester, credits, this.#keepAlives.share(hold.keepAlive));
    requester.handOver(stream);
    stream.enter(this.#streams.subscribe(stream, names));
    stream.start(options.responseStarted === true ? null : instruct.response);
    if (this.#draining && this.#room.holds.has(stream)) stream.drain();
  }

  #holdResponse(options: HoldOptions, hold: Hold, names: readonly string[]): void {
    const { request, requester, credits, instruct, replay, former } = options;
    const response = new ResponseHold(this.#room, request.id, requester, credits, instruct.response, replay);
    requester.handOver(response);
    response.enter(this.#responses.subscribe(response, names));
    response.start(hold.timeout);
    if (former instanceof ResponseHold) response.replace(former);
    if (this.#draining && this.#room.holds.has(response)) response.drain();
  }

  /** The names that the hold is subscribed to, each once, as many as are allowed. */
  #channelNames(hold: Hold, prefix: string, id: string): readonly string[] {
    const { counters, limits, log } = this.#room;
    const names = [...new Set(hold.channels.map(({ name }) => prefix + name))];
    const dropped = names.length - limits.connectionSubscriptionMax;
    if (dropped > 0) {
      names.length = limits.connectionSubscriptionMax;
      counters.subscriptionsDropped += dropped;
      log.info({ id, dropped, max: limits.connectionSubscriptionMax }, 'too many channels for one connection');
    }
    if (log.debugEnabled) log.debug({ id, mode: hold.mode, channels: names }, 'hold');
    return names;
  }

  #addStream(channel: string, { action, content }: HttpStreamFormat): void {
    if (action === 'close') {
      this.#openRun = null;
      this.#steps.push({ close: channel });
    } else if (action === 'hint') {
      this.#room.log.debug({ channel }, 'hint for streams: they have no next link to follow');
    } else if (content.length > 0 && !(this.#openRun?.channel === channel && this.#openRun.add(content))) {
      // A run ends where another channel's begins: a client that waits on both gets the items in the order of publishing.
      this.#openRun = new StreamRun(channel, content);
      this.#steps.push(this.#openRun);
    }
  }

  #deliver(): void {
    const steps = this.#steps;
    this.#steps = [];
    this.#openRun = null;
    for (const step of steps) {
      if (step instanceof StreamRun) this.#deliverRun(step);
      else if (step instanceof PublishedAnswer) this.#deliverAnswer(step);
      else this.#deliverClose(step.close);
    }
  }

  #deliverRun(run: StreamRun): void {
    const channel = this.#streams.get(run.channel);
    this.#logReceivers(run.channel, 'http-stream', channel?.size);
    if (channel === undefined) return;
    const joined = run.joined();
    const now = Math.floor(this.#room.wheel.now);
    channel.forEach((stream) => {
      stream.deliver(joined, run, now);
    });
  }

  #deliverAnswer(answer: PublishedAnswer): void {
    const channel = this.#responses.get(answer.channel);
    this.#logReceivers(answer.channel, 'http-response', channel?.size);
    channel?.forEach((response) => {
      response.take(answer);
    });
  }

  #deliverClose(name: string): void {
    const channel = this.#streams.get(name);
    this.#logReceivers(name, 'http-stream close', channel?.size);
    channel?.forEach((stream) => {
      stream.close();
    });
  }

  #logReceivers(channel: string, format: string, receivers = 0): void {
    const { log } = this.#room;
    if (log.debugEnabled) log.debug({ channel, format, receivers }, 'published');
  }
}
