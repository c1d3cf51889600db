// Sockets of libzmq as npm's `zeromq` gives them; the counterpart of libzmq-peer.py, which says how it is driven.
import { createInterface } from 'node:readline';
import {
  Dealer,
  Publisher,
  Pull,
  Push,
  Reply,
  Request,
  Router,
  type Socket,
  Subscriber,
  version,
  XPublisher,
  XSubscriber,
} from 'zeromq';

/** What this program uses of sockets; which of it they have is up to their type. */
interface AnySocket extends Socket, AsyncIterable<Buffer[]> {
  linger: number;
  send(parts: Buffer[]): Promise<void>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

const TYPES: Readonly<Record<string, new (options: object) => unknown>> = {
  PUSH: Push,
  PULL: Pull,
  PUB: Publisher,
  SUB: Subscriber,
  XPUB: XPublisher,
  XSUB: XSubscriber,
  ROUTER: Router,
  DEALER: Dealer,
  REQ: Request,
  REP: Reply,
};

/** Types that only receive, or only send. */
const RECEIVERS = ['PULL', 'SUB'];
const SENDERS = ['PUSH', 'PUB'];

const OPTIONS: Readonly<Record<string, string>> = {
  HEARTBEAT_IVL: 'heartbeatInterval',
  HEARTBEAT_TIMEOUT: 'heartbeatTimeout',
  HEARTBEAT_TTL: 'heartbeatTimeToLive',
  IPV6: 'ipv6',
  RCVHWM: 'receiveHighWaterMark',
  RECONNECT_IVL: 'reconnectInterval',
  ROUTER_MANDATORY: 'mandatory',
  ROUTING_ID: 'routingId',
  SNDHWM: 'sendHighWaterMark',
};

/** Options that C takes as a number, and this binding as a truth value. */
const SWITCHES = ['IPV6', 'ROUTER_MANDATORY'];

type Operation =
  | {
      do: 'open';
      kind: string;
      options: Record<string, string | number>;
      bind: string | null;
      connect: string | null;
      subscribe: string[];
      stalled: boolean;
    }
  | { do: 'send'; parts: string[] }
  | { do: 'subscribe' | 'unsubscribe'; topic: string }
  | { do: 'close'; drop: boolean }
  | { do: 'resume' | 'version' };
type Command = Operation & { number: number; name: string };

const sockets = new Map<string, AnySocket>();

function say(fields: object): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

/** An option by its name here, with the value that this binding takes. */
function optionOf([name, value]: [string, string | number]): [string, unknown] {
  const key = OPTIONS[name];
  if (key === undefined) throw new Error(`unknown option ${name}`);
  if (typeof value === 'string') return [key, Buffer.from(value, 'latin1')];
  return [key, SWITCHES.includes(name) ? value !== 0 : value];
}

async function open(name: string, given: Operation & { do: 'open' }): Promise<string | null> {
  const Type = TYPES[given.kind];
  if (Type === undefined) throw new Error(`unknown type ${given.kind}`);
  const options = Object.fromEntries(Object.entries(given.options).map(optionOf));
  // A send that cannot be done at once fails.
  if (!RECEIVERS.includes(given.kind)) options.sendTimeout = 0;
  const socket = new Type({ linger: 5_000, ...options }) as AnySocket;
  sockets.set(name, socket);
  for (const topic of given.subscribe) socket.subscribe(topic);
  if (given.bind !== null) await socket.bind(given.bind);
  else socket.connect(given.connect as string);
  if (!given.stalled && !SENDERS.includes(given.kind)) void receive(name, socket);
  return given.bind === null ? given.connect : socket.lastEndpoint;
}

/** Says what the socket receives, until it is closed. */
async function receive(name: string, socket: AnySocket): Promise<void> {
  try {
    for await (const parts of socket) say({ name, message: parts.map((part) => part.toString('base64')) });
  } catch (error) {
    // A REQ or REP that is to send next says so when it is closed.
    if (!socket.closed) throw error;
  }
}

/** Whether the message was taken. */
async function send(socket: AnySocket, parts: string[]): Promise<boolean> {
  try {
    await socket.send(parts.map((part) => Buffer.from(part, 'base64')));
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EHOSTUNREACH') return false;
    throw error;
  }
}

/** @param drop whether what has not been sent is forgotten */
function close(name: string, drop: boolean): void {
  const socket = sockets.get(name);
  if (socket === undefined) return;
  sockets.delete(name);
  if (drop) socket.linger = 0;
  socket.close();
}

function socketNamed(name: string): AnySocket {
  const socket = sockets.get(name);
  if (socket === undefined) throw new Error(`no socket ${name}`);
  return socket;
}

async function carryOut(command: Command): Promise<unknown> {
  const { name } = command;
  switch (command.do) {
    case 'open':
      return open(name, command);
    case 'send':
      return send(socketNamed(name), command.parts);
    case 'subscribe':
      return socketNamed(name).subscribe(command.topic);
    case 'unsubscribe':
      return socketNamed(name).unsubscribe(command.topic);
    case 'resume':
      void receive(name, socketNamed(name));
      return null;
    case 'version':
      return version;
    case 'close':
      return close(name, command.drop);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  try {
    say({ number: command.number, result: (await carryOut(command)) ?? null });
  } catch (error) {
    say({ number: command.number, error: (error as Error).message });
  }
}
// With no socket open, and nothing left to be sent, the process ends by itself.
for (const name of sockets.keys()) close(name, true);
