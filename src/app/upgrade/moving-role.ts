import type { Movable } from '../../zhttp-client/index.ts';
import type { ZmqSocket } from '../../zmq/index.ts';
import type { LinkMode } from './upgrade-channel.ts';

/** Sockets whose peers stay connected across an upgrade: they move to those of the new process. */
export interface MovingRole {
  /** The same in both processes if their peers need not notice which one they talk to. */
  readonly name: string;
  /** Always in the same order. */
  readonly sockets: readonly ZmqSocket[];
  /** By which sessions that stay in the old process go on with their handlers; null for peers that are not handlers, which move last. */
  readonly link: { readonly mode: LinkMode; readonly movable: Movable } | null;
  /** Whether its peers may move now. Default: at any time. */
  readonly ready?: () => boolean;
}
