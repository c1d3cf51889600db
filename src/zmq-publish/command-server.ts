import { type PublishError, type PublishItem, PublishItemsReader, publishValue } from '../codec/grip/index.ts';
import type { TnetstringInput } from '../codec/tnetstring/index.ts';
import { reportFault } from '../exchange/index.ts';
import { type ItemsOwner, ItemsPublication } from '../hub/index.ts';
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

/** Carries out the commands of the command socket, one at a time. */
export class CommandServer implements ItemsOwner {
  /** Set once the socket exists. */
  socket: ReplySocket | null = null;
  readonly #room: InputRoom;
  readonly #uris: () => TnetstringInput;
  /** The `publish` command that is carried out now. */
  #command: Command | null = null;

  /** @param uris the reply to `get-zmq-uris` */
  constructor(room: InputRoom, uris: () => TnetstringInput) {
    this.#room = room;
    this.#uris = uris;
  }

  /** Takes a request. */
  take(message: Buffer): void {
    const command = parseCommand(message);
    if (command === null) {
      this.#room.log.info({ bytes: message.length }, 'command ignored: not a command');
      this.socket?.ignore();
      return;
    }
    this.#room.log.debug({ method: command.method }, 'command');
    this.#perform(command, message.length);
  }

  itemsRequest(): object {
    return publishArguments(this.#command as Command);
  }

  publishItems(items: readonly PublishItem[]): void {
    this.#room.publisher.publish(items);
  }

  onPublished(): void {
    this.#end(success(this.#command as Command));
  }

  onRefused({ message }: PublishError): void {
    this.#room.counters.publishesRefused++;
    this.#room.log.info({ input: 'command', reason: message }, 'publish refused');
    this.#end(failure(this.#command as Command, BAD_REQUEST, message.replace(/^Invalid format: /, '')));
  }

  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { input: 'command' });
    const command = this.#command;
    if (command !== null) this.#end(failure(command, 'internal-error'));
  }

  #perform(command: Command, bytes: number): void {
    const { publisher } = this.#room;
    switch (command.method) {
      case 'publish':
        this.#command = command;
        this.#room.turns.requestTurn(new ItemsPublication(this, bytes));
        return;
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

  /** WebSockets over HTTP send their origin an empty request. Null: the reply follows. */
  #refresh(command: Command): Buffer | null {
    const { cid, channel } = command.args;
    if (cid !== undefined) {
      const id = textOf(cid);
      if (id === null) return failure(command, BAD_REQUEST);
      this.#room.publisher.refresh(id, (found) => {
        this.#reply(found ? success(command) : failure(command, 'item-not-found'));
      });
      return null;
    }
    const name = textOf(channel ?? null);
    if (name === null) return failure(command, BAD_REQUEST);
    const format = { action: 'refresh' };
    const reader = new PublishItemsReader({
      items: [{ channel: name, 'no-seq': true, formats: { 'ws-message': format } }],
    });
    reader.read(1);
    this.#room.publisher.publish(reader.items);
    return success(command);
  }

  #end(reply: Buffer): void {
    this.#command = null;
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
