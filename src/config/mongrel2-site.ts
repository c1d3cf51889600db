import type { ListenAddress } from './listen-address.ts';

/** Headers of a Mongrel2 request: a JSON object, or a tnetstring dictionary. */
export type Mongrel2Protocol = 'json' | 'tnetstring';

/** Programs that respond to requests over ZeroMQ. Routes that name the same handler share one object. */
export interface Mongrel2Handler {
  readonly kind: 'handler';
  /** Its name in the configuration, for messages. No other handler of the server has it. */
  readonly name: string;
  /** Endpoint of the PUSH socket for requests; bound. */
  readonly sendSpec: string;
  /** Names the server in requests. */
  readonly sendIdent: string;
  /** Endpoint of the SUB socket for responses; bound. */
  readonly recvSpec: string;
  /** What responses begin with; empty for all. */
  readonly recvIdent: string;
  readonly protocol: Mongrel2Protocol;
  /** Whether clients of JSON and XML sockets get responses as they are, instead of in base64. */
  readonly rawPayload: boolean;
  /** Whether all messages of one connection go to one handler process. Beyond Mongrel2. */
  readonly sticky: boolean;
}

/** An HTTP origin. */
export interface Mongrel2Proxy {
  readonly kind: 'proxy';
  readonly host: string;
  readonly port: number;
}

/** A folder of static files. */
export interface Mongrel2Dir {
  readonly kind: 'dir';
  /** The folder, resolved from the root of the server. */
  readonly base: string;
  /** The file for a path that ends in `/`. */
  readonly indexFile: string;
  /** Media type of files whose extension is not known. */
  readonly defaultType: string;
  /** Seconds that a file counts as unchanged. */
  readonly cacheTtl: number;
  /** Whether links that lead out of the folder are followed. Beyond Mongrel2, which never does. */
  readonly followLinks: boolean;
}

export type Mongrel2Target = Mongrel2Handler | Mongrel2Proxy | Mongrel2Dir;

/** One path of a host. */
export interface Mongrel2Route {
  /** `PREFIX` or `PREFIX(PATTERN)REST`. Those of JSON sockets begin with `@`, those of XML sockets with `<`. */
  readonly path: string;
  readonly target: Mongrel2Target;
}

/** A virtual host. */
export interface Mongrel2Host {
  readonly name: string;
  /** `SUFFIX` or `(PATTERN)SUFFIX`. */
  readonly matching: string;
  readonly routes: readonly Mongrel2Route[];
}

/** The settings of Mongrel2 that have an effect here. */
export interface Mongrel2Settings {
  readonly accessLogging: boolean;
  /** Bytes of a request head. Default: 16384 (Mongrel2: 4096). */
  readonly headBytes: number;
  /** Bytes of a body that is kept in memory. Default: 20480. */
  readonly contentLength: number;
  /** Header fields of a request. Default: 1280. */
  readonly headerCount: number;
  /** Connections that one response may name. Default: 128. */
  readonly handlerTargets: number;
  /** Seconds between two looks at all connections. Default: 10. */
  readonly tickTimer: number;
  /** Seconds without a request after which the test `ping` fails. Default: 120. */
  readonly minPing: number;
  /** Bytes per second below which the tests `read` and `write` fail. Default: 300. */
  readonly minReadRate: number;
  readonly minWriteRate: number;
  /** A connection ends when more than so many of the three tests fail. Default: 2. */
  readonly killLimit: number;
  readonly tcpKeepAlive: boolean;
  /** Template of the files of large uploads, which ends in `XXXXXX`, resolved from the root; null to keep none. */
  readonly uploadTempStore: string | null;
  /** The template as it is configured, and as handlers see it: Mongrel2 makes these files within its chroot. */
  readonly uploadTempStoreName: string;
  /** Permissions of these files. Default: 0o600. */
  readonly uploadTempStoreMode: number;
  /** Whether large uploads go to the handler in pieces, as it grants credits. */
  readonly uploadStream: boolean;
  /** Whether handlers get credits for responses. */
  readonly downloadFlowControl: boolean;
  /** Whether the client's own `x-forwarded-for` stays. */
  readonly keepForwardedFor: boolean;
  /** Whether `{`, `}` and `^` are accepted in paths and queries. */
  readonly relaxedRequests: boolean;
}

/** TLS of a server. Paths are resolved from its root. */
export interface Mongrel2Tls {
  /** Folder with `NAME.crt` and `NAME.key` for each name, `_.PARENT.crt` for a wildcard, and `UUID.crt` for all others. */
  readonly certdir: string;
  /** OpenSSL's list of ciphers; null for the default. */
  readonly ciphers: string | null;
  /** Authorities of client certificates; null if none are asked for. */
  readonly clientCa: string | null;
  /** Whether a connection without a valid client certificate is refused. */
  readonly clientRequired: boolean;
}

/** A server of a Mongrel2 site. Paths are resolved already: `root` is for what is named in messages. */
export interface Mongrel2Server {
  readonly uuid: string;
  readonly name: string;
  /** What takes the place of Mongrel2's chroot: the prefix of all paths of the configuration. */
  readonly root: string;
  readonly listen: ListenAddress;
  readonly tls: Mongrel2Tls | null;
  /** Path of the access log; null for none. */
  readonly accessLog: string | null;
  readonly errorLog: string | null;
  readonly pidFile: string | null;
  /** Name of the host that takes requests of no other; empty for none. */
  readonly defaultHost: string;
  /** Endpoint of the control port (REP); null for none. */
  readonly controlPort: string | null;
  readonly hosts: readonly Mongrel2Host[];
  readonly settings: Mongrel2Settings;
  /** Media types by extension, with its dot, in lower case: `.html`. Beside the well-known ones. */
  readonly mimeTypes: Readonly<Record<string, string>>;
}
