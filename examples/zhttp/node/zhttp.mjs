// What a handler needs to respond to HTTP requests and WebSockets that Holdfast, Condure or Pushpin hands it over ZeroMQ (ZHTTP in
// stream mode). Copy this file, and `npm install zeromq`.
//
//   front server                 handler
//   BASE-out         PUSH   ->   PULL      the first packet of each session: one request, or one WebSocket
//   BASE-out-stream  ROUTER ->   DEALER    its later packets, to the id of the handler that has responded
//   BASE-in          SUB    <-   XPUB      all packets of handlers, with the address of the front server before them
import { randomBytes } from 'node:crypto';
import { Dealer, Pull, XPublisher } from 'zeromq';

/** Sessions that one packet may be for. */
const MAX_IDS = 128;

/** Packets that may wait in a session to be received: a client could send empty messages for ever, which cost no credits. */
const MAX_WAITING = 1000;

/** What `send`, `receive` and all that wait reject with once the session has ended. */
export class Gone extends Error {}

/** Connects one process to one front server, and keeps the books of all its sessions. */
export class Handler {
  // Not every front server notices that a handler reconnects under a known id, so each process has its own id.
  #id = `handler-${randomBytes(6).toString('hex')}`;
  #sockets = [];
  #publisher;
  #timer;
  #sessions = new Map();
  #sending = Promise.resolve();
  #broadcasting = Promise.resolve();

  /**
   * Resolves once packets get through in both directions; waits for a front server that has not started yet.
   * `onSession` is called with each new session; its session is cancelled if it returns before the end. Without it the handler
   * takes no new requests, only sessions that it adopts. Times are in milliseconds.
   */
  static async connect(base, onSession = null, { keepAlive = 30_000, expiry = 60_000 } = {}) {
    const handler = new Handler();
    const [out, outStream, into] = endpoints(base, ['out', 'out-stream', 'in']);
    // Credits bound what is under way, so no packet need ever be thrown away, which would break its session.
    const unlimited = { receiveHighWaterMark: 0, sendHighWaterMark: 0 };
    const dealer = new Dealer({ routingId: handler.#id, linger: 0, ...unlimited });
    const reachable = new Promise((resolve) => dealer.events.on('handshake', resolve));
    dealer.connect(outStream);
    await reachable;

    // A PUB drops messages without a subscriber. So does an XPUB, but it sees each subscription.
    const publisher = new XPublisher({ linger: 1000, ...unlimited });
    publisher.connect(into);
    for (let subscribed = false; !subscribed; ) subscribed = (await publisher.receive())[0][0] === 1;

    handler.#publisher = publisher;
    handler.#read(dealer, (packet) => handler.#forward(packet));
    handler.#sockets = [dealer, publisher];
    if (onSession !== null) {
      const pull = new Pull({ linger: 0 });
      handler.#sockets.push(pull);
      pull.connect(out);
      handler.#read(pull, (packet) => handler.#open(packet, onSession));
    }
    handler.#timer = setInterval(() => handler.#tick(keepAlive, expiry), Math.min(1000, keepAlive));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => handler.close().then(() => process.exit()));
    return handler;
  }

  /**
   * Sends the same packet to many sessions: as one packet for up to 128 of them. Waits until all of them have credits for its
   * body, but not longer than `patience` (milliseconds). Returns the sessions that had none even then, and were left out.
   */
  broadcast(sessions, fields, patience = 1000) {
    // One at a time, or two of them would count on the same credits.
    const result = this.#broadcasting.then(async () => {
      const size = Buffer.byteLength(fields.body);
      const all = Promise.allSettled(sessions.map((session) => session.room(size)));
      let timer;
      await Promise.race([all, new Promise((resolve) => (timer = setTimeout(resolve, patience)))]);
      clearTimeout(timer);
      const open = sessions.filter((session) => !session.signal.aborted);
      const slow = open.filter((session) => session.credits < size);
      this.sendAll(
        open.filter((session) => session.credits >= size),
        fields,
      );
      return slow;
    });
    this.#broadcasting = result.catch(() => {});
    return result;
  }

  /** Goes on with a session that another handler has handed off; `state` is what its `handOff` gave. */
  adopt(state, onSession) {
    const session = new Session(this, state);
    session.send({ type: 'keep-alive' }); // The front server waits for this to learn where the session has gone.
    this.#run(session, onSession);
  }

  /** Cancels all sessions and disconnects. */
  async close() {
    clearInterval(this.#timer);
    const open = [...this.#sessions.values()];
    this.sendAll(open, { type: 'cancel' });
    for (const session of open) session.finish('this handler is ending');
    await this.#sending;
    for (const socket of this.#sockets) socket.close();
  }

  /** Sends a packet to these sessions at once, grouped as the protocol allows. The caller has seen to credits. */
  sendAll(sessions, fields) {
    const groups = new Map();
    for (const session of sessions) {
      if (!session.multi) this.#publish(session.peer, session.next(fields), fields);
      else if (groups.has(session.peer)) groups.get(session.peer).push(session);
      else groups.set(session.peer, [session]);
    }
    for (const [peer, group] of groups) {
      for (let at = 0; at < group.length; at += MAX_IDS) {
        const id = group.slice(at, at + MAX_IDS).map((session) => session.next(fields));
        this.#publish(peer, id.length === 1 ? id[0] : { id }, fields);
      }
    }
  }

  #publish(peer, id, fields) {
    // `multi`: packets for many sessions are welcome here, too.
    const packet = writePacket({ from: this.#id, ...id, ext: { multi: true }, ...fields });
    const frame = Buffer.concat([Buffer.from(`${peer} `, 'latin1'), packet]);
    this.#sending = this.#sending.then(() => this.#publisher.send(frame));
  }

  async #read(socket, take) {
    for await (const frames of socket) {
      try {
        take(readPacket(frames.at(-1)));
      } catch (error) {
        console.error(`packet ignored: ${error.message}`);
      }
    }
  }

  #open(request, onSession) {
    const { from: peer, id, seq, ext, credits = 0 } = request;
    if (peer === undefined || typeof id !== 'string' || seq !== 0 || 'type' in request)
      throw new Error('no first packet of a session');
    // A restarted front server uses the same ids again.
    this.#sessions.get(`${peer} ${id}`)?.finish('the front server has restarted');
    const session = new Session(this, { peer, id, received: 1, sent: 0, credits, multi: ext?.multi === true });
    session.request = { headers: [], ...request };
    this.#run(session, onSession);
  }

  async #run(session, onSession) {
    const key = `${session.peer} ${session.id}`;
    this.#sessions.set(key, session);
    session.signal.addEventListener('abort', () => this.#sessions.delete(key));
    try {
      await onSession(session);
    } catch (error) {
      if (!(error instanceof Gone || session.signal.aborted)) console.error(error);
    } finally {
      session.cancel('the handler has returned');
    }
  }

  #forward(packet) {
    const ids = typeof packet.id === 'string' ? [packet] : packet.id;
    for (const { id, seq } of ids) this.#sessions.get(`${packet.from} ${id}`)?.take(packet, seq);
  }

  #tick(keepAlive, expiry) {
    const now = Date.now();
    const quiet = [];
    for (const session of this.#sessions.values()) {
      if (now - session.heard >= expiry) session.finish('nothing was heard of the session');
      else if (now - session.kept >= keepAlive && !session.moving) quiet.push(session);
    }
    for (const session of quiet) session.kept = now;
    this.sendAll(quiet, { type: 'keep-alive' });
  }
}

/** One request and its response, or one WebSocket. */
export class Session {
  /** The first packet; absent if the session was adopted. */
  request;
  /** When the front server was last heard of, and when it was last told that the session lives. */
  heard = Date.now();
  kept = Date.now();
  /** Whether it is being handed off: nothing may be sent meanwhile. */
  moving = false;
  #handler;
  #received;
  #sent;
  #moved = false;
  #waiting = [];
  #wakers = [];
  #over = new AbortController();

  constructor(handler, { peer, id, received, sent, credits, multi }) {
    Object.assign(this, { peer, id, credits, multi });
    this.#handler = handler;
    this.#received = received;
    this.#sent = sent;
  }

  /** Aborted when the session is over, with a `Gone` that says why. */
  get signal() {
    return this.#over.signal;
  }

  /** Sends one packet now. The front server ends sessions that get more body than they have granted: see `post`, `write`. */
  send(fields) {
    this.signal.throwIfAborted();
    this.#handler.sendAll([this], fields);
  }

  /** Sends one packet as soon as there are credits for its whole body. */
  async post(fields) {
    await this.room(Buffer.byteLength(fields.body ?? ''));
    this.send(fields);
  }

  /** Sends a part of the response's body, in as many packets as the credits demand. Resolves when all is sent. */
  async write(body) {
    for (let rest = Buffer.from(body); rest.length > 0; ) {
      await this.room(1);
      const part = rest.subarray(0, this.credits);
      this.send({ body: part, more: true });
      rest = rest.subarray(part.length);
    }
  }

  /** Ends the response's body. */
  end() {
    this.send({});
    this.finish('the response is complete');
  }

  /** Sends a short response as a whole. */
  async respond(code, reason, text) {
    await this.post({ code, reason, headers: [['Content-Type', 'text/plain; charset=utf-8']], body: text });
    this.finish('the response is complete');
  }

  /** Lets the client send so many bytes more. */
  grant(credits) {
    if (credits > 0) this.send({ type: 'credit', credits });
  }

  /** The next packet with something from the client: more of the body, a message, `ping`, `pong` or `close`. */
  async receive() {
    await this.#until(() => this.#waiting.length > 0);
    return this.#waiting.shift();
  }

  /** The body of the request; null if it is longer than `limit` bytes. The client can send `window` bytes ahead. */
  async readBody(limit, window = 8192) {
    let { body, more } = this.request;
    const parts = [body];
    let size = body.length;
    if (more) this.grant(window);
    while (more && size <= limit) {
      ({ body, more } = await this.receive());
      parts.push(body);
      size += body.length;
      if (more) this.grant(body.length);
    }
    return size <= limit ? Buffer.concat(parts) : null;
  }

  /** Waits until so many bytes of body can be sent. */
  room(bytes) {
    return this.#until(() => this.credits >= bytes);
  }

  /** Waits for the end of the session. */
  gone() {
    return this.#until(() => false);
  }

  /** Breaks the session off, if it is not over. */
  cancel(reason) {
    if (this.signal.aborted) return;
    this.send({ type: 'cancel' });
    this.finish(reason);
  }

  /** Gives the session away. Resolves with all that the next handler has to know, once the front server waits for it. */
  async handOff() {
    this.send({ type: 'handoff-start' });
    this.moving = true;
    await this.#until(() => this.#moved);
    const { peer, id, credits, multi } = this;
    const state = { peer, id, received: this.#received, sent: this.#sent, credits, multi };
    this.finish('the session has been handed off');
    return state;
  }

  /** Forgets the session without a word to the other side. */
  finish(reason) {
    this.#over.abort(reason instanceof Gone ? reason : new Gone(reason));
    this.#wake();
  }

  /** For the handler: id and number of the next packet, whose body is paid for. */
  next(fields) {
    this.credits -= Buffer.byteLength(fields.body ?? '');
    this.kept = Date.now();
    return { id: this.id, seq: this.#sent++ };
  }

  /** For the handler: a packet has come. */
  take(packet, seq) {
    const { type, credits = 0 } = packet;
    this.heard = Date.now();
    if (type === 'cancel' || type === 'error') return this.finish('the client has left');
    if (seq !== this.#received++) return this.cancel('a packet was lost');
    this.credits += credits;
    if (type === 'handoff-proceed') this.#moved = true;
    else if (type !== 'credit' && type !== 'keep-alive') this.#waiting.push(packet);
    if (this.#waiting.length > MAX_WAITING) return this.cancel('too much is waiting to be received');
    this.#wake();
  }

  async #until(holds) {
    // What has come before the end can still be received.
    while (!holds()) {
      this.signal.throwIfAborted();
      await new Promise((resolve) => this.#wakers.push(resolve));
    }
  }

  #wake() {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

/** The three endpoints of a base: for `ipc:` it is followed by one of the names each, for `tcp:` by the next ports. */
export function endpoints(base, names) {
  const [, before, port] = /^(tcp:.*:)(\d+)$/.exec(base) ?? [];
  if (port !== undefined) return [0, 1, 2].map((offset) => before + (Number(port) + offset));
  return names.map((name) => `${base}-${name}`);
}

/** A packet with these fields: text is taken as latin1 like HTTP's, and that of bodies as UTF-8. */
export function writePacket(fields) {
  return Buffer.concat([Buffer.from('T'), encode(fields)]);
}

/** The fields of a packet: bodies as bytes, all other text as latin1. Throws if it is not one. */
export function readPacket(frame) {
  if (frame[0] !== 0x54) throw new Error('not a tnetstring');
  const [packet, end] = decode(frame, 1);
  if (end !== frame.length || packet === null || Object.getPrototypeOf(packet) !== null) throw new Error('not a map');
  const { from = '', id, credits = 0, body = Buffer.alloc(0) } = packet;
  const ids = Array.isArray(id) ? id.map((one) => one?.id) : [id];
  const texts = [from, ...ids].every((text) => typeof text === 'string');
  if (!texts || !(Number.isSafeInteger(credits) && credits >= 0) || !Buffer.isBuffer(body) || ids.length > MAX_IDS) {
    throw new Error('a field is not what it must be');
  }
  return Object.assign(packet, { body });
}

/** The value that begins at `start`, `LENGTH:DATA` and a type, and where it ends. */
function decode(bytes, start, isBody = false, depth = 0) {
  const colon = bytes.indexOf(0x3a, start);
  const digits = bytes.toString('latin1', start, Math.min(colon, start + 10));
  if (!/^\d{1,9}$/.test(digits)) throw new Error('no length');
  const from = colon + 1;
  const to = from + Number(digits);
  if (to >= bytes.length) throw new Error('it ends too early');
  if (depth > 8) throw new Error('too deep');
  const data = bytes.subarray(from, to);
  const type = String.fromCharCode(bytes[to]);
  return [decodeData(data, type, isBody, depth + 1), to + 1];
}

function decodeData(data, type, isBody, depth) {
  if (type === ',') return isBody ? data : data.toString('latin1');
  if (type === '#' || type === '^') return Number(data.toString('latin1'));
  if (type === '!') return data.toString('latin1') === 'true';
  if (type === '~') return null;
  if (type !== ']' && type !== '}') throw new Error('unknown type');
  const list = [];
  const map = Object.create(null);
  for (let at = 0, value; at < data.length; ) {
    let key;
    if (type === '}') [key, at] = decode(data, at, false, depth);
    [value, at] = decode(data, at, key === 'body', depth);
    if (type === '}') map[key] = value;
    else list.push(value);
  }
  return type === '}' ? map : list;
}

function encode(value, key = '') {
  if (typeof value === 'number') return frame(Buffer.from(String(value)), '#');
  if (typeof value === 'boolean') return frame(Buffer.from(String(value)), '!');
  if (typeof value === 'string') return frame(Buffer.from(value, key === 'body' ? 'utf8' : 'latin1'), ',');
  if (Buffer.isBuffer(value)) return frame(value, ',');
  if (Array.isArray(value)) return frame(Buffer.concat(value.map((item) => encode(item))), ']');
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return frame(Buffer.concat(entries.flatMap(([name, member]) => [encode(name), encode(member, name)])), '}');
}

function frame(data, type) {
  return Buffer.concat([Buffer.from(`${data.length}:`), data, Buffer.from(type)]);
}
