import type { ChannelDetails, ChannelPage, ChannelQuery, TappedItem } from './channel-schema.ts';
import type { ConnectionDetails, ConnectionPage, ConnectionsQuery, Disconnected } from './connection-schema.ts';
import type { HistoryPage, HistoryQuery } from './history-schema.ts';
import type { ClusterNodes } from './node-schema.ts';
import type { PresencePage, PresenceQuery } from './presence-schema.ts';
import type { CertificateBody, Certificates, Keys, RouteState } from './route-schema.ts';
import type { Found, Scope } from './scope-schema.ts';
import type { Errors, Handlers, Outbound, ReloadErrors, Reloaded } from './server-schema.ts';
import type { Life, Status } from './status-schema.ts';

/**
 * What the operations need of the program. Operations of an absent part do not exist: they are not in the OpenAPI document either. Methods may
 * throw an `OperationError` for what the caller is to be told.
 */
export interface ControlBackend {
  /** Where the program is in its life. */
  readonly life: () => Life;
  readonly status: () => Status;
  /** What it does less well than it should; null for nothing. */
  readonly degraded?: () => string | null;
  /** Begins to drain, and ends the process when that is done. Returns at once. */
  readonly drain?: () => void;
  /** Where there is a hub. */
  readonly channels?: ChannelsBackend;
  /** Where there is a proxy. */
  readonly routes?: RoutesBackend;
  readonly certificates?: CertificatesBackend;
  readonly keys?: KeysBackend;
  readonly errors?: () => Errors['errors'];
  readonly handlers?: () => Handlers['handlers'];
  readonly outbound?: () => Outbound;
  /** The effective configuration as TOML, without secrets. */
  readonly configuration?: () => string;
  /** Reloads. Resolves with the errors of a configuration that changed nothing. */
  readonly reload?: () => Promise<Reloaded | ReloadErrors>;
  /** Starts another process, which takes over. Resolves with its id once it has begun. @throws OperationError with HF_CONTROL_CONFLICT if it cannot be */
  readonly upgrade?: () => Promise<number>;
  /** The nodes of the cluster that this one belongs to. */
  readonly nodes?: () => ClusterNodes;
  /** Where there is a proxy. */
  readonly connections?: ConnectionsBackend;
}

/** The channels of the hub. */
export interface ChannelsBackend {
  list(query: ChannelQuery): Promise<ChannelPage>;
  /** Nothing is found if nobody is held on it and nothing of it is kept. @param pattern whether the name is a pattern */
  get(name: string, pattern: boolean, scope: Scope): Promise<Found<ChannelDetails>>;
  /** Null if the channel is not to be kept. @throws OperationError with HF_CONTROL_CONFLICT while another process has the history */
  history(name: string, query: HistoryQuery): Promise<HistoryPage | null>;
  /**
   * Passes on what is published to a channel, or to all that a pattern matches, from now on. The result ends that.
   * @param pattern whether the name is a pattern, a valid one
   * @param onItem gets null in the place of an item that is lost
   */
  tap(name: string, pattern: boolean, onItem: (item: TappedItem | null) => void): () => void;
  /** The users of a channel, in the order of their names; null where none are counted (`presence` of `[[channel]]`). */
  presence(name: string, query: PresenceQuery): Promise<PresencePage | null>;
}

/** The connections of the clients of the proxy. */
export interface ConnectionsBackend {
  /** Those that are held, in the order of their ids. */
  list(query: ConnectionsQuery): Promise<ConnectionPage>;
  get(id: string, scope: Scope): Promise<Found<ConnectionDetails>>;
  /** Resolves when it is closed, if there was one. @throws OperationError with HF_CONTROL_CONFLICT while clients move to another process */
  close(id: string, scope: Scope): Promise<Found<true>>;
  /** Closes the connections of a user that are held. Resolves with how many there were. @throws as `close` */
  disconnect(user: string, scope: Scope): Promise<Disconnected>;
}

/** The routes of the proxy. */
export interface RoutesBackend {
  list(): Promise<readonly RouteState[]>;
  /** Replaces the route of that id, or adds one. @throws OperationError for a line that is not valid */
  readonly put?: (id: string, line: string, keep: boolean) => Promise<void>;
  /** Resolves with whether there was one. */
  readonly delete?: (id: string, keep: boolean) => Promise<boolean>;
}

/** Certificates by name. */
export interface CertificatesBackend {
  list(): Promise<Certificates['certificates']>;
  /** @throws OperationError for those that cannot be used */
  put(name: string, body: CertificateBody, keep: boolean): Promise<void>;
  /** Resolves with whether there was one. */
  delete(name: string, keep: boolean): Promise<boolean>;
}

/** Keys by name. */
export interface KeysBackend {
  list(): Promise<Keys['keys']>;
  /** @throws OperationError for one that cannot be used */
  put(name: string, key: string, keep: boolean): Promise<void>;
  /** Resolves with whether there was one. */
  delete(name: string, keep: boolean): Promise<boolean>;
}
