import type { KeptSession } from '../../control/index.ts';
import type { PassedSocket } from '../../net/index.ts';
import type { ConnectionState } from '../../server/index.ts';
import type { PeerState } from '../../zmq/index.ts';

/**
 * What the old process tells the new one. The channel between them keeps the order of everything, also of the handles of sockets, which go with the
 * message that they belong to.
 */
export type OldProcessMessage =
  /** The listening sockets, by their descriptors in the new process. The answer to `loaded`. */
  | { readonly kind: 'listening'; readonly sockets: readonly PassedSocket[] }
  /** Those who have logged in at the control port. Comes twice: before `listening`, and when the new process accepts. */
  | { readonly kind: 'sessions'; readonly sessions: readonly KeptSession[] }
  /** Whether held clients are to move, or all stay and need what is published in the new process. Comes before `listening`. */
  | { readonly kind: 'clients'; readonly move: boolean }
  /** A client moves: see `ClientGiverMessage`. */
  | ClientGiverMessage
  /** Roles whose ZeroMQ peers are to move, with what the ids of their sessions begin with; '' for none. */
  | { readonly kind: 'roles'; readonly roles: readonly { readonly name: string; readonly ids: string }[] }
  /** The handle of a peer's socket, which goes with this message. The peer is still the old process's. */
  | { readonly kind: 'peer'; readonly id: string }
  /** The peers of a role that move, which are suspended now. The others of which there are handles stay. */
  | { readonly kind: 'peers'; readonly batch: number; readonly role: string; readonly peers: readonly MovedPeer[] }
  /** The peers of a batch that were taken are the new process's from here on. */
  | { readonly kind: 'peersGo'; readonly batch: number }
  /** The peers of a batch stay for the moment: the new process did not say in time that it takes them. */
  | { readonly kind: 'peersKept'; readonly batch: number }
  /** Publishers of the new process are to wait. */
  | { readonly kind: 'hold' }
  /** The old process has stopped accepting: the new one is the main process. Nothing is taken back after this. */
  | { readonly kind: 'done' };

/** What the new process tells the old one. */
export type NewProcessMessage =
  /** Its configuration has been read, and can be used. */
  | { readonly kind: 'loaded' }
  /** It accepts connections. */
  | { readonly kind: 'ready' }
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It takes held clients. Comes before `loaded`. `spread` says whether worker processes take them */
  | { readonly kind: 'takes'; readonly spread: boolean }
  /** A batch of clients can move: see `ClientTakerMessage`. */
  | ClientTakerMessage
  /** Of the roles that were named, those that it has too. */
  | { readonly kind: 'serves'; readonly roles: readonly string[] }
  /** It can go on with the peers of a batch, except for these, which the old process keeps. */
  | { readonly kind: 'peersTaken'; readonly batch: number; readonly refused: readonly string[] }
  /** It orders the items now. */
  | { readonly kind: 'swapped' };

/** What the process that has clients tells the one that takes them, directly or by way of the main processes. */
export type ClientGiverMessage =
  /** The handle of a client's socket, which goes with this message. The client is still the old process's. */
  | { readonly kind: 'client'; readonly batch: number; readonly id: string }
  /** The clients of a batch that move, which are suspended now. The others of which there are handles stay. */
  | {
      readonly kind: 'batch';
      readonly batch: number;
      readonly clients: readonly MovedClient[];
      readonly lastIds: LastIds;
    }
  /** The clients of a batch that were taken are the new process's from here on. `moved` says how many they are. */
  | { readonly kind: 'go'; readonly batch: number; readonly moved: number };

/** What it answers: it can go on with the clients of a batch, except for these, which the old process keeps; null: with none of them at present. */
export type ClientTakerMessage = {
  readonly kind: 'taken';
  readonly batch: number;
  readonly refused: readonly string[] | null;
};

/** What the main process wants of a worker process while clients move. */
export type MovingOrder =
  /** Look which clients may move now. */
  | { readonly kind: 'look' }
  /** Send the handles of the next ones. */
  | { readonly kind: 'offer'; readonly batch: number }
  /** No further clients move: those of the batch under way stay. */
  | { readonly kind: 'keep' }
  /** No further clients come. */
  | { readonly kind: 'end' }
  /** The old process has ended, which had the clients of the batch under way. */
  | { readonly kind: 'orphaned' }
  /** From the process at the other end. */
  | ClientGiverMessage
  | ClientTakerMessage;

/** What a worker process answers. */
export type MovingReport =
  /** Clients that may move now, and all that are open. */
  | ({ readonly kind: 'looked' } & Looked)
  /** Handles that have been sent. */
  | { readonly kind: 'offered'; readonly batch: number; readonly count: number }
  /** For the process at the other end. */
  | ClientGiverMessage
  | ClientTakerMessage;

/** How many clients may move now, as far as can be told without beginning to, and how many are open. */
export interface Looked {
  readonly movable: number;
  readonly open: number;
}

/** One ZeroMQ peer that moves. */
export interface MovedPeer {
  readonly id: string;
  /** Which of the sockets of its role it was connected to. */
  readonly socket: number;
  readonly state: PeerState;
}

/** One client that moves. */
export interface MovedClient {
  readonly id: string;
  readonly state: ConnectionState;
}

/** Names of channels, each followed by its last id. */
export type LastIds = readonly string[];
