import { type PublishError, type PublishItem, publishValue, ReusedKeyError } from '../codec/grip/index.ts';
import type { TnetstringInput } from '../codec/tnetstring/index.ts';
import { LineRate, reportFault } from '../exchange/index.ts';
import { type ItemsOwner, ItemsPublication, type Publication } from '../hub/index.ts';
import { BAD_REQUEST, type Command, failure, parseCommand, success, textOf } from './command-packet.ts';
import type { InputRoom } from './message-input.ts';

/**
 * Ids of one `conncheck`.
 * @bound conncheck-ids
 */
const MAX_IDS = 10_000;

/** The socket of a command server. */
export interface ReplySocket {
  send(parts: readonly Buffer[]): boolean;
  /** The last request gets no reply. */
  ignore(): void;
}

/** Bytes that a command counts as at least, when a turn of the event loop is shared out among publishers. */
const LEAST_BYTES = 512;

/** The condition of a reply where the broker of the cluster is away: the items may be published, or not. */
const UNAVAILABLE = 'service-unavailable';

/** Carries out the commands of the command socket, one at a time, each in its turn among those who publish. */
export class CommandServer implements ItemsOwner, Publication {
  /** Size of the command that waits for its turn. */
  bytes = 0;
  /** Set once the socket exists. */
  socket: ReplySocket | null = null;
  readonly #room: InputRoom;
  readonly #uris: () => TnetstringInput;
  readonly #refusals = new LineRate();
  /** The command that waits for its turn or is carried out now. */
  #command: Command | null = null;
  /** The idempotency keys of its items, from when other nodes are asked for them until it is known what became of the items. */
  #keys: ReadonlyMap<string, string> | null = null;

  /** @param uris the reply to `get-zmq-uris` */
  constructor(room: InputRoom, uris: () => TnetstringInput) {
    this.#room = room;
    this.#uris = uris;
  }

  /** Takes a request. */
  take(message: Buffer): void {
    const command = parseCommand(message);
    if (command === null) {
      this.#refusals.write(this.#room.log, 'info', { bytes: message.length }, 'command ignored: not a command');
      this.socket?.ignore();
      return;
    }
    this.#room.log.debug({ method: command.method }, 'command');
    this.#command = command;
    this.bytes = Math.max(LEAST_BYTES, message.length);
    const hasItems = command.method === 'publish' || refreshedChannel(command) !== null;
    this.#room.turns.requestTurn(hasItems ? new ItemsPublication(this, this.bytes) : this);
  }

  onTurn(): boolean {
    const command = this.#command as Command;
    // Before the reply: with it the next command may come.
    this.#command = null;
    try {
      this.#perform(command);
    } catch (thrown) {
      reportFault(this.#room, thrown, { input: 'command' });
      this.#reply(failure(command, 'internal-error'));
    }
    return true;
  }

  /** What publishes nothing does not wait for the broker of the cluster. */
  onAway(): boolean {
    return this.onTurn();
  }

  itemsRequest(): object {
    const command = this.#command as Command;
    return command.method === 'publish' ? publishArguments(command) : refreshItem(command);
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.#room.publisher.reusedKey(items);
  }

  refusal(items: readonly PublishItem[]): PublishError | null {
    return this.#room.publisher.refusal(items);
  }

  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean {
    this.#keys = keys;
    return this.#room.publisher.learnKeys(keys, publication);
  }

  publishItems(items: readonly PublishItem[]): void {
    this.#room.publisher.publish(items);
  }

  ordered(done: (known: boolean) => void): void {
    this.#room.publisher.ordered(done);
  }

  onPublished(known: boolean): void {
    const command = this.#command as Command;
    this.#end(known ? success(command) : failure(command, UNAVAILABLE), known);
  }

  onGivenUp(): void {
    this.#end(failure(this.#command as Command, UNAVAILABLE));
  }

  onRefused(error: PublishError): void {
    const { message } = error;
    this.#room.counters.publishesRefused++;
    this.#refusals.write(this.#room.log, 'info', { input: 'command', reason: message }, 'publish refused');
    const condition = error instanceof ReusedKeyError ? 'conflict' : BAD_REQUEST;
    this.#end(failure(this.#command as Command, condition, message.replace(/^Invalid format: /, '')));
  }

  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { input: 'command' });
    const command = this.#command;
    if (command !== null) this.#end(failure(command, 'internal-error'));
  }

  #perform(command: Command): void {
    const { publisher } = this.#room;
    switch (command.method) {
      case 'recover':
        publisher.recover();
        this.#reply(success(command));
        return;
      case 'conncheck':
        this.#replyNow(this.#check(command));
        return;
      case 'refresh':
        this.#replyNow(this.#refresh(command));
        return;
      case 'get-zmq-uris':
        this.#reply(success(command, this.#uris()));
        return;
      default:
        this.#reply(failure(command, 'method-not-found'));
    }
  }

  /** Which of the named connections are held here. Null: the reply follows. */
  #check(command: Command): Buffer | null {
    const { ids } = command.args;
    if (!Array.isArray(ids)) return failure(command, BAD_REQUEST);
    if (ids.length > MAX_IDS) return failure(command, BAD_REQUEST, `more than ${MAX_IDS} ids`);
    const wanted = new Set<string>();
    for (const id of ids) {
      const text = textOf(id);
      if (text === null) return failure(command, BAD_REQUEST);
      wanted.add(text);
    }
    this.#room.publisher.findHeld(wanted, (found) => this.#reply(success(command, [...found])));
    return null;
  }

  /** The WebSocket over HTTP with this id sends its origin an empty request. Null: the reply follows. */
  #refresh(command: Command): Buffer | null {
    const id = textOf(command.args.cid ?? null);
    if (id === null) return failure(command, BAD_REQUEST);
    this.#room.publisher.refresh(id, (found) => {
      this.#reply(found ? success(command) : failure(command, 'item-not-found'));
    });
    return null;
  }

  #end(reply: Buffer, known = true): void {
    const keys = this.#keys;
    this.#command = null;
    this.#keys = null;
    if (keys !== null) this.#room.publisher.settleKeys(keys, known);
    this.#reply(reply);
  }

  #replyNow(reply: Buffer | null): void {
    if (reply !== null) this.#reply(reply);
  }

  #reply(reply: Buffer): void {
    this.socket?.send([reply]);
  }
}

/** The arguments of `publish` as an object with a list of items. */
function publishArguments({ args }: Command): object {
  const { items } = args;
  if (items === undefined) return {};
  return { items: Array.isArray(items) ? items.map(publishValue) : null };
}

/** The channel whose WebSockets over HTTP are all to send their origin an empty request; null if it is another command. */
function refreshedChannel({ method, args }: Command): string | null {
  return method === 'refresh' && args.cid === undefined ? textOf(args.channel ?? null) : null;
}

/** What `refresh` of a channel publishes. */
function refreshItem(command: Command): object {
  const format = { action: 'refresh' };
  return { items: [{ channel: refreshedChannel(command), 'no-seq': true, formats: { 'ws-message': format } }] };
}
