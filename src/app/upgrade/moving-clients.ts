import type { PresenceSource, Sequence } from '../../hub/index.ts';
import type { LinkedHub, MarkOwner } from '../../hub-relay/index.ts';
import type { PublishingHub } from '../publishing.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { ClientGiverMessage, ClientTakerMessage, Looked } from './upgrade-messages.ts';

/** Clients that move together: items wait for as long as it takes to move them. */
export const BATCH = 64;

/** Sends a message to the process at the other end. @param onSent is called when it has left, or cannot leave */
export type SendMoving<Message> = (message: Message, handle?: SocketHandle, onSent?: () => void) => void;

/** Gives clients that one process has. One batch is under way at a time: `offer`, `onMark`, `onTaken`, and it says `go`. */
export interface Giver {
  /** Looks which clients may move now: `offer` takes them one after the other. */
  look(): Promise<Looked>;
  /** Sends the handles of the next `BATCH` clients at most. Settles with how many they are; if there are none the batch is over. */
  offer(batch: number): Promise<number>;
  /** The place in the order of the items is reached at which the clients of the batch move. */
  onMark(batch: number): void;
  onTaken(message: ClientTakerMessage): void;
  /** No further clients move. Those of a batch that is under way go on here. */
  keep(): void;
}

/** Takes the clients that a `Giver` of the old process gives. As the owner of marks it holds back what comes after one, or has it held back. */
export interface Taker extends MarkOwner {
  onMessage(message: ClientGiverMessage, handle: SocketHandle | undefined): void;
  /** The old process has ended: clients that it had described go on here. */
  onGiverGone(): void;
  /** No further clients come. */
  end(): void;
}

/** What has the clients of this process: its hub, or that of its worker processes. */
export interface ClientsHub {
  /** Takes items in an order that is made elsewhere. */
  readonly linked: LinkedHub;
  /** The same, where whoever makes that order does not know which ids were seen here. */
  readonly checking: LinkedHub;
  /** Orders them itself. */
  readonly publishing: PublishingHub;
  /** Knows who is there. */
  readonly present: PresenceSource;
  /** Orders nothing any more. Returns what another takes to go on. */
  release(): Sequence;
  /** Goes on where another has stopped that ordered the items. */
  goOn(sequence: Sequence): void;
}

/** The clients of the proxy, as far as they move: in this process, or in its worker processes. */
export interface MovingClients {
  readonly hub: ClientsHub;
  /** Whether worker processes have them. */
  readonly spread: boolean;
  /** Begins to give clients. There is one for each process that has some. */
  giveBy(send: SendMoving<ClientGiverMessage>): readonly Giver[];
  /** Begins to take clients. @param resume goes on with items that were held back at a mark */
  takeBy(send: SendMoving<ClientTakerMessage>, resume: () => void): Taker;
}
