// What a program needs to let Holdfast, Zurl or Condure make HTTP requests and open WebSockets for it, over ZeroMQ (ZHTTP in stream
// mode). Copy this file and zhttp.mjs, and `npm install zeromq`.
//
//   program         fetcher
//   PUSH     ->     BASE-in         PULL            the first packet of each session: a request
//   ROUTER   ->     BASE-in-stream  DEALER, ROUTER  its later packets, to the address that its responses come from
//   SUB      <-     BASE-out        PUB             all responses, with the address of the program before them
import { randomBytes, randomUUID } from 'node:crypto';
import { Push, Router, Subscriber } from 'zeromq';
import { endpoints, Gone, readPacket, Session, writePacket } from './zhttp.mjs';

/** What a session ends with if its request fails: `message` is ZHTTP's condition, such as `policy-violation`. */
export class Failed extends Gone {
  constructor(packet) {
    super(packet.condition ?? 'undefined-condition');
    /** All that was said; of a WebSocket that was `rejected`, `code`, `reason`, `headers` and `body` of the response. */
    this.packet = packet;
  }
}

/** Connects one process to one fetcher, and keeps track of its sessions. */
export class Fetch {
  // A random name, so that responses to an earlier process are not taken for ours.
  #address = `program-${randomBytes(6).toString('hex')}`;
  #sockets = [];
  #push;
  #route;
  #timer;
  #sessions = new Map();

  /**
   * Resolves once packets get through in both directions; waits for a fetcher that has not started yet. Times are in
   * milliseconds.
   */
  static async connect(base, { keepAlive = 30_000, expiry = 60_000 } = {}) {
    const fetch = new Fetch();
    const { requests, packets, responses } = fetchEndpoints(base);
    const subscriber = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
    const push = new Push({ linger: 1000 });
    const router = new Router({ linger: 1000, sendHighWaterMark: 0 });
    fetch.#sockets = [subscriber, push, router];
    // A PUB drops messages without a subscriber. The subscription leaves as soon as this socket is connected: it arrives
    // before any request, since the others are connected only then.
    subscriber.subscribe(`${fetch.#address} `);
    await connected(subscriber, responses);
    await Promise.all([connected(push, requests), connected(router, packets)]);
    fetch.#push = sender(push);
    fetch.#route = sender(router);
    fetch.#read(subscriber);
    fetch.#timer = setInterval(() => fetch.#tick(keepAlive, expiry), Math.min(1000, keepAlive));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => fetch.close().then(() => process.exit(1)));
    return fetch;
  }

  /** Makes a request. Without `stream` and `credits` the response comes in one packet, whatever its size. */
  open(request) {
    const session = new FetchSession(this, { id: randomUUID(), received: 0, sent: 0, credits: 0 });
    session.window = request.credits ?? 0;
    session.isWebSocket = /^wss?:/.test(request.uri);
    this.#sessions.set(session.id, session);
    session.signal.addEventListener('abort', () => this.#sessions.delete(session.id));
    session.send(request);
    session.credits = 0; // The body of the first packet needs none.
    return session;
  }

  /** Cancels all sessions and disconnects. */
  async close() {
    clearInterval(this.#timer);
    for (const session of this.#sessions.values()) session.cancel('this program is ending');
    await Promise.all([this.#push(), this.#route()]);
    for (const socket of this.#sockets) socket.close();
  }

  /** For sessions: sends each of them this packet. */
  sendAll(sessions, fields) {
    for (const session of sessions) {
      const packet = writePacket({ from: this.#address, ...session.next(fields), ext: { multi: true }, ...fields });
      if (session.peer !== undefined) this.#route([session.peer, '', packet]);
      // Until the first response it is not known where other packets go.
      else if (fields.type === undefined) this.#push(packet);
    }
  }

  async #read(subscriber) {
    for await (const [frame] of subscriber) {
      try {
        const packet = readResponse(frame);
        const ids = typeof packet.id === 'string' ? [packet] : packet.id;
        for (const { id, seq } of ids) this.#sessions.get(id)?.take(packet, seq);
      } catch (error) {
        console.error(`packet ignored: ${error.message}`);
      }
    }
  }

  #tick(keepAlive, expiry) {
    const now = Date.now();
    for (const session of this.#sessions.values()) {
      if (now - session.heard >= expiry) session.finish('nothing was heard of the session');
      else if (now - session.kept >= keepAlive && session.peer !== undefined) session.send({ type: 'keep-alive' });
    }
  }
}

/** One request and its response, or one WebSocket. */
class FetchSession extends Session {
  /** Bytes that the request granted. */
  window = 0;
  #owed = 0;

  /**
   * Grants bytes that have been dealt with, once they are half the window: each grant of a few bytes would let the other side send a
   * packet of a few bytes. It still has the other half meanwhile.
   */
  pay(bytes) {
    this.#owed += bytes;
    if (this.#owed < this.window / 2) return;
    this.grant(this.#owed);
    this.#owed = 0;
  }

  /** The parts of a response's body as they come; `head` is its first packet. Each is paid for when the next one is wanted. */
  async *parts(head) {
    for (let packet = head; ; packet = await this.receive()) {
      yield packet.body;
      if (packet.more !== true) return;
      if (!this.signal.aborted) this.pay(packet.body.length); // The rest may be here already.
    }
  }

  /** For `Fetch`: a packet has come. */
  take(packet, seq) {
    if (packet.type === 'error') return this.finish(new Failed(packet));
    if (packet.type === 'cancel') return this.finish('cancelled by the fetcher');
    this.peer = packet.from ?? this.peer;
    super.take(packet, seq);
    if (packet.type === undefined && packet.more !== true && !this.isWebSocket) this.finish('the response is complete');
  }
}

/** The endpoints of a fetcher: where first and later packets go, and where responses come from. */
export function fetchEndpoints(base) {
  const [requests, packets, responses] = endpoints(base, ['in', 'in-stream', 'out']);
  return { requests, packets, responses };
}

/** The packet in a message of the publisher, behind the address. Throws if there is none. */
export function readResponse(frame) {
  return readPacket(frame.subarray(frame.indexOf(' ') + 1));
}

/** Connects a socket, and waits until the other side is there. */
export async function connected(socket, endpoint) {
  const there = new Promise((resolve) => socket.events.on('handshake', resolve));
  socket.connect(endpoint);
  await there;
}

/** A socket sends one message at a time: the others wait in line. Without a message it waits for those before. */
function sender(socket) {
  let line = Promise.resolve();
  return (message) => {
    if (message !== undefined) line = line.then(() => socket.send(message));
    return line;
  };
}
