import type { TimerWheel } from '../clock/index.ts';
import { type FaultReport, type Log, reportFault } from '../exchange/index.ts';
import { RepSocket, type ZmqCounters } from '../zmq/index.ts';
import { ConnectionReport, type ConnectionStatus } from './connection-report.ts';
import {
  type CommandFailure,
  type ControlCommand,
  failedReply,
  MAX_COMMAND_BYTES,
  parseControlCommand,
  tableReply,
  valueReply,
} from './control-command.ts';

/** What the control port tells of its server, and can have it do. */
export interface ControlledServer {
  readonly info: ServerInfo;
  /** Version of the program. */
  readonly version: string;
  readonly connectionCount: number;
  /** All open connections. It may be read over several turns of the event loop. */
  connections(): Iterable<ConnectionStatus>;
  /** Cuts a connection. Returns false if there is none with this id. */
  kill(id: number): boolean;
  /** Takes no more connections, lets those that are open finish, and ends. */
  stop(): void;
  /** Ends now. */
  terminate(): void;
  /** Opens the logs again, and reads the certificates again. Returns false if some of them cannot be read: those in use stay. */
  reload(): boolean;
}

/** The columns of `info`. */
export interface ServerInfo {
  readonly port: number;
  readonly bindAddress: string;
  readonly uuid: string;
  readonly root: string;
  /** Empty for none, as the next two. */
  readonly accessLog: string;
  readonly errorLog: string;
  readonly pidFile: string;
  readonly defaultHost: string;
}

/** What a control port is made of. */
export interface ControlPortOptions {
  readonly server: ControlledServer;
  readonly wheel: TimerWheel;
  readonly zmqCounters: ZmqCounters;
  /** Counts faults. */
  readonly counters: FaultReport['counters'];
  readonly log: Log;
}

/** The commands, and what `help` says of each. */
const COMMANDS: Readonly<Record<string, string>> = {
  help: 'lists the commands',
  stop: 'takes no more connections, and ends when all are closed',
  terminate: 'ends the server at once',
  reload: 'opens the logs again, and reads the certificates again',
  time: 'the time in seconds since 1970',
  uuid: 'the uuid of the server',
  version: 'the version of the program',
  info: 'how the server is configured',
  status: "what='net' lists the connections, what='tasks' has no rows",
  kill: 'id=N closes a connection',
  control_stop: 'closes the control port',
};

/** What Mongrel2 says after it has raised a signal. */
const SIGNALLED = valueReply('msg', 'signal sent to server');

/** Programs that may be connected, and bytes of the commands that wait. */
const MAX_PEERS = 64;
const WAITING_BYTES = 1_048_576;

/** How long a reply may wait for its requester when the port closes, in milliseconds. */
const LINGER = 1_000;

/** The control port of a server: a REP socket that takes commands as tnetstrings, one at a time. */
export class ControlPort {
  readonly #options: ControlPortOptions;
  readonly #socket: RepSocket;
  #closing = false;

  constructor(options: ControlPortOptions) {
    const { wheel, zmqCounters: counters, log } = options;
    this.#options = options;
    const limits = {
      maxMessageBytes: MAX_COMMAND_BYTES,
      maxPeers: MAX_PEERS,
      receiveBytes: WAITING_BYTES,
      linger: LINGER,
    };
    this.#socket = new RepSocket({ wheel, counters, log }, limits, (parts) => this.#take(parts));
  }

  /**
   * Binds the socket.
   * @returns the endpoint, with the actual port
   * @throws ZmqError when the endpoint cannot be used
   */
  open(endpoint: string): Promise<string> {
    return this.#socket.bind(endpoint);
  }

  /** Takes no more commands. A reply that is on its way is sent. */
  close(): Promise<void> {
    this.#closing = true;
    return this.#socket.close();
  }

  #take(parts: readonly Buffer[]): void {
    const command = parts.length === 1 ? parseControlCommand(parts[0] as Buffer) : 'INVALID_DATA';
    if (typeof command === 'string') {
      this.#fail(command);
      return;
    }
    this.#options.log.debug({ command: command.name }, 'control command');
    try {
      this.#perform(command);
    } catch (thrown) {
      this.#onFault(thrown);
    }
  }

  #perform({ name, args }: ControlCommand): void {
    const { server } = this.#options;
    switch (name) {
      case 'help':
        this.#reply(tableReply(['name', 'help'], Object.entries(COMMANDS)));
        return;
      case 'stop':
      case 'terminate':
        this.#end(name);
        return;
      case 'reload':
        this.#reply(server.reload() ? SIGNALLED : failedReply('SIGNAL_FAILED'));
        return;
      case 'time':
        this.#reply(valueReply('time', String(Math.floor(Date.now() / 1_000))));
        return;
      case 'uuid':
        this.#reply(valueReply('uuid', server.info.uuid));
        return;
      case 'version':
        this.#reply(valueReply('version', server.version));
        return;
      case 'info':
        this.#reply(infoTable(server.info));
        return;
      case 'status':
        this.#status(args.what);
        return;
      case 'kill':
        this.#kill(args.id);
        return;
      case 'control_stop':
        this.#reply(valueReply('msg', 'stopping the control port'));
        void this.close();
        return;
      default:
        this.#fail('CALLBACK_NOT_FOUND');
    }
  }

  /** The reply goes first: the command ends the port. */
  #end(name: 'stop' | 'terminate'): void {
    this.#options.log.info({ command: name }, 'the control port ends the server');
    this.#reply(SIGNALLED);
    this.#options.server[name]();
  }

  #status(what: unknown): void {
    const { server } = this.#options;
    const kind = Buffer.isBuffer(what) ? what.toString('latin1') : '';
    if (kind === 'net') {
      const done = (reply: Buffer): void => this.#reply(reply);
      const failed = (thrown: unknown): void => this.#onFault(thrown);
      new ConnectionReport(server.connections(), server.connectionCount, done, failed).start();
    } else if (kind === 'tasks') {
      this.#reply(tableReply(['id', 'system', 'name', 'state', 'status'], []));
    } else {
      this.#fail('INVALID_ARGUMENT');
    }
  }

  #kill(id: unknown): void {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) this.#fail('INVALID_ARGUMENT');
    else if (this.#options.server.kill(id)) this.#reply(valueReply('status', 'OK'));
    else this.#fail('NOT_CONNECTED');
  }

  #onFault(thrown: unknown): void {
    reportFault(this.#options, thrown, { input: 'control port' });
    this.#fail('CALLBACK_RETURN');
  }

  #fail(code: CommandFailure): void {
    this.#reply(failedReply(code));
  }

  /** Does nothing when the command has its reply: its effect has failed after that. */
  #reply(reply: Buffer): void {
    if (!this.#closing) this.#socket.send([reply]);
  }
}

function infoTable(info: ServerInfo): Buffer {
  const { port, bindAddress, uuid, root, accessLog, errorLog, pidFile, defaultHost } = info;
  const headers = ['port', 'bind_addr', 'uuid', 'chroot', 'access_log', 'error_log', 'pid_file', 'default_hostname'];
  return tableReply(headers, [[port, bindAddress, uuid, root, accessLog, errorLog, pidFile, defaultHost]]);
}
