import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { fault, type Guarded } from '../../clock/index.ts';
import { type OnSent, UnsentMessages } from '../unsent-messages.ts';
import type { NewProcessMessage, OldProcessMessage } from './upgrade-messages.ts';

/** Socket pairs that the two processes share beside the channel, by the descriptor in the new process. */
const PAIRS = { toNew: 4, toOld: 5, stream: 6, req: 7 } as const;

/** The first descriptor of a listening socket in the new process. */
export const FIRST_LISTENING = 8;

/** The modes of the edge's handlers. */
export type LinkMode = 'stream' | 'req';

/** What can be sent along with a message: what a `net.Socket` or a `net.Server` has inside. Who has taken it closes it. */
export interface SocketHandle {
  close(): void;
}

/** Takes what comes over a channel. */
export interface ChannelReceiver<In> extends Guarded {
  onMessage(message: In, handle: SocketHandle | undefined): void;
  /** The other process has ended, or has closed the channel. It is called once. */
  onLost(): void;
}

/** What a `ChildProcess` and the `process` of a child have in common. */
interface ChannelEnd {
  readonly connected: boolean;
  send?(message: unknown, handle?: unknown, options?: object, callback?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  disconnect(): void;
}

/**
 * The channel between the old process of an upgrade and the new one: messages in order, each perhaps with the handle of a socket, and socket pairs for
 * what is not plain data.
 */
export class UpgradeChannel<In, Out> {
  /** The pair on which the new process is the worker of the old one. */
  readonly toNew: Socket;
  /** The pair on which the old process is the worker of the new one. */
  readonly toOld: Socket;
  /** By mode, the pairs on which the old process is a worker for packets of the edge's handlers. */
  readonly links: Readonly<Record<LinkMode, Socket>>;
  readonly #end: ChannelEnd;
  #receiver: ChannelReceiver<In> | null = null;
  #waiting: (readonly [In, SocketHandle | undefined])[] = [];
  #lost = false;
  readonly #unsent = new UnsentMessages();

  /** @param pair gives the socket of a pair by its descriptor in the new process */
  constructor(end: ChannelEnd, pair: (fd: number) => Socket) {
    this.#end = end;
    this.toNew = pair(PAIRS.toNew);
    this.toOld = pair(PAIRS.toOld);
    this.links = { stream: pair(PAIRS.stream), req: pair(PAIRS.req) };
    end.on('message', (message, handle) =>
      this.#take(message as In, (handle ?? undefined) as SocketHandle | undefined),
    );
    end.on('disconnect', () => this.lost());
  }

  get connected(): boolean {
    return this.#end.connected;
  }

  /** Gives everything that comes, and has come, to `receiver` from now on. */
  receive(receiver: ChannelReceiver<In>): void {
    this.#receiver = receiver;
    for (const [message, handle] of this.#waiting.splice(0)) this.#take(message, handle);
    if (this.#lost) this.#tellLost();
  }

  /**
   * Sends a message, after those that were sent before it.
   * @param handle of a socket, which this process closes after that; it is not read there any more
   * @param onSent is called when it has left, or with the reason why it has not. The other process need not have read it
   */
  send(message: Out, handle?: SocketHandle, onSent: OnSent = ignore): void {
    if (!this.#end.connected) {
      process.nextTick(onSent, new Error('the other process has ended'));
      return;
    }
    this.#end.send?.(message, handle, {}, this.#unsent.add(onSent));
  }

  /** Nothing more is sent or received. */
  close(): void {
    this.#lost = true;
    if (this.#end.connected) this.#end.disconnect();
  }

  #take(message: In, handle: SocketHandle | undefined): void {
    const receiver = this.#receiver;
    if (receiver === null) {
      this.#waiting.push([message, handle]);
      return;
    }
    try {
      receiver.onMessage(message, handle);
    } catch (thrown) {
      fault(receiver, thrown);
    }
  }

  /** The other process has ended. Node does not tell of that while the handle of a socket is on its way. */
  lost(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#unsent.fail();
    if (this.#receiver !== null) this.#tellLost();
  }

  #tellLost(): void {
    const receiver = this.#receiver as ChannelReceiver<In>;
    try {
      receiver.onLost();
    } catch (thrown) {
      fault(receiver, thrown);
    }
  }
}

/** The old process's end. */
export type ToNewProcess = UpgradeChannel<NewProcessMessage, OldProcessMessage>;

/** The new process's end. */
export type ToOldProcess = UpgradeChannel<OldProcessMessage, NewProcessMessage>;

/** The old process's end of the channel to a process that it has started. */
export function channelTo(child: ChildProcess): ToNewProcess {
  const pair = (fd: number): Socket => child.stdio[fd as keyof typeof child.stdio] as unknown as Socket;
  const channel: ToNewProcess = new UpgradeChannel(child as ChannelEnd, pair);
  child.on('exit', () => channel.lost());
  return channel;
}

/** The end of this process, which was started for an upgrade. */
export function channelFromOld(): ToOldProcess {
  const pair = (fd: number): Socket => new Socket({ fd, readable: true, writable: true });
  return new UpgradeChannel(process as ChannelEnd, pair);
}

/** Failures show as the loss of the channel. */
function ignore(): void {}
