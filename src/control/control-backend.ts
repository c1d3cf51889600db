import type { ChannelDetails, ChannelPage, ChannelQuery, TappedItem } from './channel-schema.ts';
import type { HistoryPage, HistoryQuery } from './history-schema.ts';
import type { CertificateBody, Certificates, Keys, RouteState } from './route-schema.ts';
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
  readonly users?: UsersBackend;
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
  /** Closes a client's connection. Resolves with whether there was one. */
  readonly closeConnection?: (id: string) => Promise<boolean>;
}

/** The channels of the hub. */
export interface ChannelsBackend {
  list(query: ChannelQuery): Promise<ChannelPage>;
  /** Null if nobody is held on it and nothing of it is kept. @param pattern whether the name is a pattern */
  get(name: string, pattern: boolean): Promise<ChannelDetails | null>;
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

/** Which users to list. */
export interface PresenceQuery {
  /** Only those whose names come after it, in the order of UTF-16; empty for all. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
}

/** Some users of a channel. */
export interface PresencePage {
  readonly users: readonly {
    readonly user: string;
    /** 0 for one that may be back in a moment. */
    readonly connections: number;
    /** In milliseconds since 1970. */
    readonly since: number;
  }[];
  /** Users of the channel. */
  readonly total: number;
  /** The `after` of those that follow; null if none do. */
  readonly next: string | null;
}

/** The users of the clients that are held. */
export interface UsersBackend {
  /** The ids of the connections of a user. */
  connectionsOf(user: string): Promise<readonly string[]>;
  /** Cuts the connections of a user. Resolves with how many there were. */
  disconnect(user: string): Promise<number>;
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
