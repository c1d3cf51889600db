import { isUtf8 } from 'node:buffer';
import type { TimerWheel } from '../clock/index.ts';
import { literalBeginning } from '../codec/grip/index.ts';
import type { ControlCounters, Current, Log } from '../exchange/index.ts';
import { PatternTrie, patternOf } from '../hub/index.ts';
import { PullSocket, RepSocket, SubSocket, type ZmqContext, type ZmqCounters, type ZmqSocket } from '../zmq/index.ts';
import { CommandServer } from './command-server.ts';
import { type InputRoom, MessageInput } from './message-input.ts';
import type { MessagePublisher } from './message-publisher.ts';
import { PublishRate, type PublishRateLimits } from './publish-rate.ts';

/** Which sockets are opened, and what they are made of. */
export interface PublishSocketsOptions {
  /** Endpoints that are bound for PUSH sockets of publishers. */
  readonly pull: readonly string[];
  /** Endpoints for PUB sockets of publishers. */
  readonly sub: readonly string[];
  /** Connects to the endpoints of `sub`, which publishers bind. */
  readonly subConnect: boolean;
  /** Endpoints that are bound for REQ sockets that send commands. */
  readonly command: readonly string[];
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** Bytes that a message may have. A publisher that sends a larger one is cut off. */
  readonly maxMessageBytes: number;
  /** Limits in force; they may change. */
  readonly limits: Current<PublishRateLimits>;
  readonly publisher: MessagePublisher;
  /** Whether publishers with PUB sockets are asked for all channels: in a cluster a channel may have its clients at other nodes. */
  readonly allChannels: boolean;
  /** Counts refused items. */
  readonly counters: ControlCounters;
  readonly zmqCounters: ZmqCounters;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** Longest channel that publishers are asked for, in bytes: longer ones cannot be topics. */
const MAX_TOPIC_BYTES = 1_024;

/** The ways to publish over ZeroMQ: PULL and SUB sockets for items, and a REP socket for commands (GRIP). */
export class PublishSockets {
  /** Where publishers can connect, or where SUB is connected to. */
  readonly endpoints: { pull: string[]; sub: string[]; command: string[] } = { pull: [], sub: [], command: [] };
  readonly #options: PublishSocketsOptions;
  readonly #context: ZmqContext;
  readonly #room: InputRoom;
  readonly #rate: PublishRate;
  readonly #sockets: ZmqSocket[] = [];
  readonly #bound: ZmqSocket[] = [];

  constructor(options: PublishSocketsOptions) {
    const { wheel, zmqCounters: counters, log, publisher } = options;
    this.#options = options;
    this.#context = { wheel, counters, log };
    this.#rate = new PublishRate(publisher, options.limits, wheel, options);
    this.#room = { publisher, turns: this.#rate, counters: options.counters, log };
  }

  /**
   * Opens the endpoints.
   * @throws ZmqError when one cannot be used
   */
  async open(): Promise<void> {
    const { pull, sub, subConnect, command } = this.#options;
    const { endpoints } = this;
    if (pull.length > 0) endpoints.pull = await this.#bind(this.#newPull(), pull);
    if (sub.length > 0) {
      const socket = this.#newSub();
      if (subConnect) {
        this.#sockets.push(socket);
        for (const endpoint of sub) socket.connect(endpoint);
        endpoints.sub = [...sub];
      } else {
        endpoints.sub = await this.#bind(socket, sub);
      }
    }
    if (command.length > 0) endpoints.command = await this.#bind(this.#newCommand(), command);
  }

  /** Those that publishers connect to. */
  get bound(): readonly ZmqSocket[] {
    return this.#bound;
  }

  /** Takes nothing more. Replies that are on their way are sent. */
  async close(): Promise<void> {
    this.#rate.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  async #bind(socket: ZmqSocket, endpoints: readonly string[]): Promise<string[]> {
    this.#sockets.push(socket);
    this.#bound.push(socket);
    const bound: string[] = [];
    for (const endpoint of endpoints) bound.push(await socket.bind(endpoint));
    return bound;
  }

  #newPull(): ZmqSocket {
    const input = new MessageInput(this.#room, 'pull');
    const socket = new PullSocket(this.#context, this.#socketOptions, ([message, ...more]) => {
      if (message === undefined || more.length > 0) input.refuse('a message must have one part');
      else input.take(message, null);
    });
    input.socket = socket;
    return socket;
  }

  #newSub(): ZmqSocket {
    const input = new MessageInput(this.#room, 'sub');
    /** ZeroMQ matches topics as prefixes; channels match exactly. */
    const channels = new Set<string>();
    const patterns = new PatternTrie<true>();
    const { publisher, allChannels } = this.#options;
    const socket = new SubSocket(this.#context, this.#socketOptions, ([topic, message, ...more]) => {
      if (topic === undefined || message === undefined || more.length > 0 || !isUtf8(topic)) {
        input.refuse('a message must have two parts: the channel in UTF-8, and the item');
        return;
      }
      const channel = topic.toString();
      if (allChannels || channels.has(channel) || patterns.match(channel).length > 0) input.take(message, channel);
    });
    input.socket = socket;
    if (allChannels) {
      socket.subscribe('');
      return socket;
    }
    const { log } = this.#room;
    publisher.watchChannels({
      channelAdded: (key) => {
        const topic = topicOf(key);
        if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) {
          log.warn({ bytes: Buffer.byteLength(topic) }, 'channel too long to be subscribed to over ZeroMQ');
          return;
        }
        const pattern = patternOf(key);
        if (pattern === null) channels.add(key);
        else patterns.set(pattern, true);
        socket.subscribe(topic);
      },
      channelRemoved: (key) => {
        const pattern = patternOf(key);
        if (pattern === null ? !channels.delete(key) : patterns.get(pattern) === undefined) return;
        if (pattern !== null) patterns.delete(pattern);
        socket.unsubscribe(topicOf(key));
      },
    });
    return socket;
  }

  #newCommand(): ZmqSocket {
    const server = new CommandServer(this.#room, () => ({
      command: this.endpoints.command[0] ?? null,
      'publish-pull': this.endpoints.pull[0] ?? null,
      'publish-sub': this.endpoints.sub[0] ?? null,
    }));
    const socket = new RepSocket(this.#context, this.#socketOptions, ([message, ...more]) => {
      if (message === undefined || more.length > 0) socket.ignore();
      else server.take(message);
    });
    server.socket = socket;
    return socket;
  }

  get #socketOptions() {
    const { ipcFileMode: ipcMode, maxMessageBytes } = this.#options;
    return { ipcMode, maxMessageBytes };
  }
}

/** The topic under which publishers are asked for a channel, or for what a pattern matches: ZeroMQ matches the beginnings of names. */
function topicOf(key: string): string {
  const pattern = patternOf(key);
  return pattern === null ? key : literalBeginning(pattern);
}
