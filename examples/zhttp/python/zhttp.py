"""What a handler needs to respond to HTTP requests and WebSockets that Holdfast, Condure or Pushpin hands it over ZeroMQ (ZHTTP in
stream mode). Copy this file; it needs pyzmq (on Debian the distribution's python3 with python3-zmq, or pip install
pyzmq) and nothing else.

  front server                 handler
  BASE-out         PUSH   ->   PULL      the first packet of each session: one request, or one WebSocket
  BASE-out-stream  ROUTER ->   DEALER    its later packets, to the id of the handler that has responded
  BASE-in          SUB    <-   XPUB      all packets of handlers, with the address of the front server before them
"""
import asyncio
import re
import secrets
import signal
import sys
import time
import traceback

import zmq
import zmq.asyncio

MAX_IDS = 128
"""Sessions that one packet may be for."""

MAX_WAITING = 1000
"""Packets that may wait in a session to be received: a client could send empty messages for ever, which cost no credits."""


class Gone(Exception):
    """What `send`, `receive` and all that wait raise once the session has ended."""


class Handler:
    """Connects one process to one front server, and keeps the books of all its sessions."""

    @classmethod
    async def connect(cls, base, on_session=None, *, keep_alive=30, expiry=60):
        """Returns once packets get through in both directions; waits for a front server that has not started yet.

        `on_session` is run as a task with each new session; the task is cancelled when the client leaves, and its session is
        cancelled if it returns before the end. Without it the handler takes no new requests, only sessions that it adopts.
        Times are in seconds.
        """
        self = cls()
        out, out_stream, into = endpoints(base, ['out', 'out-stream', 'in'])
        # Not every front server notices that a handler reconnects under a known id, so each process has its own id.
        self._id = f'handler-{secrets.token_hex(6)}'
        self._sessions = {}
        self._tasks = set()
        self._broadcasting = asyncio.Lock()
        self._context = zmq.asyncio.Context()

        # Credits bound what is under way, so no packet need ever be thrown away, which would break its session.
        dealer = self._socket(zmq.DEALER, rcvhwm=0, sndhwm=0, routing_id=self._id.encode())
        monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        dealer.connect(out_stream)
        await monitor.recv_multipart()
        dealer.disable_monitor()

        # A PUB drops messages without a subscriber. So does an XPUB, but it sees each subscription.
        self._publisher = self._socket(zmq.XPUB, rcvhwm=0, sndhwm=0, linger=1000)
        self._publisher.connect(into)
        while not (await self._publisher.recv()).startswith(b'\x01'):
            pass

        self._start(self._read(dealer, self._forward))
        if on_session is not None:
            pull = self._socket(zmq.PULL)
            pull.connect(out)
            self._start(self._read(pull, lambda packet: self._open(packet, on_session)))
        self._start(self._tick(keep_alive, expiry))
        return self

    async def run(self):
        """Goes on until SIGINT or SIGTERM; then cancels all sessions and disconnects."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
        sessions = list(self._sessions.values())
        self.send_all(sessions, {'type': 'cancel'})
        for session in sessions:
            session.finish('this handler is ending')
        self._context.destroy()

    async def broadcast(self, sessions, fields, patience=1):
        """Sends the same packet to many sessions: as one packet for up to 128 of them.

        Waits until all of them have credits for its body, but not longer than `patience` (seconds). Returns the sessions that
        had none even then, and were left out.
        """
        size = len(fields['body'])
        async with self._broadcasting:  # One at a time, or two of them would count on the same credits.
            waits = [asyncio.ensure_future(session.room(size)) for session in sessions if session.credits < size]
            if waits:
                await asyncio.wait(waits, timeout=patience)
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
            sessions = [session for session in sessions if session.over is None]
            slow = [session for session in sessions if session.credits < size]
            self.send_all([session for session in sessions if session.credits >= size], fields)
            return slow

    def adopt(self, state, on_session):
        """Goes on with a session that another handler has handed off; `state` is what its `hand_off` gave."""
        session = Session(self, **state)
        session.send({'type': 'keep-alive'})  # The front server waits for this to learn where the session has gone.
        self._run(session, on_session)

    def send_all(self, sessions, fields):
        """Sends a packet to these sessions at once, grouped as the protocol allows. The caller has seen to credits."""
        groups = {}
        for session in sessions:
            if session.multi:
                groups.setdefault(session.peer, []).append(session)
            else:
                self._publish(session.peer, session.next(fields), fields)
        for peer, group in groups.items():
            for start in range(0, len(group), MAX_IDS):
                ids = [session.next(fields) for session in group[start:start + MAX_IDS]]
                self._publish(peer, ids[0] if len(ids) == 1 else {'id': ids}, fields)

    def _publish(self, peer, ids, fields):
        # `multi`: packets for many sessions are welcome here, too.
        packet = write_packet({'from': self._id, **ids, 'ext': {'multi': True}, **fields})
        self._publisher.send(f'{peer} '.encode('latin-1') + packet)

    def _socket(self, kind, *, linger=0, **options):
        socket = self._context.socket(kind)
        for name, value in {'linger': linger, **options}.items():
            setattr(socket, name, value)
        return socket

    def _start(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # The loop itself keeps no task alive.
        task.add_done_callback(self._tasks.discard)
        return task

    async def _read(self, socket, take):
        while True:
            frames = await socket.recv_multipart()
            try:
                take(read_packet(frames[-1]))
            except ValueError as error:
                print(f'packet ignored: {error}', file=sys.stderr)

    def _open(self, request, on_session):
        peer, session_id = request.get('from'), request['id']
        if peer is None or not isinstance(session_id, str) or request.get('seq') != 0 or 'type' in request:
            raise ValueError('no first packet of a session')
        if (peer, session_id) in self._sessions:
            # A restarted front server uses the same ids again.
            self._sessions[peer, session_id].finish('the front server has restarted')
        session = Session(self, peer, session_id, 1, 0, request.get('credits', 0), takes_many(request))
        session.request = {'headers': [], **request}
        self._run(session, on_session)

    def _run(self, session, on_session):
        self._sessions[session.peer, session.id] = session
        session.task = self._start(self._converse(session, on_session))

    async def _converse(self, session, on_session):
        try:
            await on_session(session)
        except (Gone, asyncio.CancelledError):
            pass
        except Exception:
            traceback.print_exc()
        finally:
            session.cancel('the handler has returned')

    def forget(self, session):
        """For the session: it is over."""
        if self._sessions.get((session.peer, session.id)) is session:
            del self._sessions[session.peer, session.id]

    def _forward(self, packet):
        for one in [packet] if isinstance(packet['id'], str) else packet['id']:
            session = self._sessions.get((packet.get('from'), one['id']))
            if session is not None:
                session.take(packet, one.get('seq'))

    async def _tick(self, keep_alive, expiry):
        while True:
            await asyncio.sleep(min(1, keep_alive))
            now = time.monotonic()
            for session in list(self._sessions.values()):
                if now - session.heard >= expiry:
                    session.finish('nothing was heard of the session')
            quiet = [one for one in self._sessions.values() if now - one.kept >= keep_alive and not one.moving]
            self.send_all(quiet, {'type': 'keep-alive'})


class Session:
    """One request and its response, or one WebSocket."""

    def __init__(self, handler, peer, id, received, sent, credits, multi):
        self.peer, self.id, self.credits, self.multi = peer, id, credits, multi
        self.request = None
        """The first packet; None if the session was adopted."""
        self.over = None
        """Why the session is over."""
        self.moving = False
        """Whether it is being handed off: nothing may be sent meanwhile."""
        self.heard = self.kept = time.monotonic()
        self.task = None
        self._handler = handler
        self._received, self._sent = received, sent
        self._moved = False
        self._waiting = []
        self._wakers = []

    def send(self, fields):
        """Sends one packet now.

        The front server ends sessions that get more body than they have granted: see `post` and `write`.
        """
        self._check()
        self._handler.send_all([self], fields)

    async def post(self, fields):
        """Sends one packet as soon as there are credits for its whole body."""
        await self.room(len(fields.get('body', b'')))
        self.send(fields)

    async def write(self, body):
        """Sends a part of the response's body, in as many packets as the credits demand. Returns when all is sent."""
        while body:
            await self.room(1)
            part, body = body[:self.credits], body[self.credits:]
            self.send({'body': part, 'more': True})

    def end(self):
        """Ends the response's body."""
        self.send({})
        self.finish('the response is complete')

    async def respond(self, code, reason, text):
        """Sends a short response as a whole."""
        headers = [['Content-Type', 'text/plain; charset=utf-8']]
        await self.post({'code': code, 'reason': reason, 'headers': headers, 'body': text.encode()})
        self.finish('the response is complete')

    def grant(self, credits):
        """Lets the client send so many bytes more."""
        if credits > 0:
            self.send({'type': 'credit', 'credits': credits})

    async def receive(self):
        """The next packet with something from the client: more of the body, a message, `ping`, `pong` or `close`."""
        await self._until(lambda: self._waiting)
        return self._waiting.pop(0)

    async def read_body(self, limit, window=8192):
        """The body of the request; None if it is longer than `limit` bytes. The client can send `window` bytes ahead."""
        packet, body = self.request, self.request['body']
        if packet.get('more'):
            self.grant(window)
        while packet.get('more') and len(body) <= limit:
            packet = await self.receive()
            body += packet['body']
            if packet.get('more'):
                self.grant(len(packet['body']))
        return body if len(body) <= limit else None

    async def room(self, size):
        """Waits until so many bytes of body can be sent."""
        await self._until(lambda: self.credits >= size)

    async def gone(self):
        """Waits for the end of the session."""
        await self._until(lambda: False)

    def cancel(self, reason):
        """Breaks the session off, if it is not over."""
        if self.over is None:
            self.send({'type': 'cancel'})
            self.finish(reason)

    async def hand_off(self):
        """Gives the session away. Returns all that the next handler has to know, once the front server waits for it."""
        self.send({'type': 'handoff-start'})
        self.moving = True
        await self._until(lambda: self._moved)
        state = {'peer': self.peer, 'id': self.id, 'received': self._received, 'sent': self._sent,
                 'credits': self.credits, 'multi': self.multi}
        self.finish('the session has been handed off')
        return state

    def finish(self, reason):
        """Forgets the session without a word to the other side."""
        if self.over is not None:
            return
        self.over = reason
        self._handler.forget(self)
        self._wake()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    def next(self, fields):
        """For the handler: id and number of the next packet, whose body is paid for."""
        self.credits -= len(fields.get('body', b''))
        self.kept = time.monotonic()
        self._sent += 1
        return {'id': self.id, 'seq': self._sent - 1}

    def take(self, packet, seq):
        """For the handler: a packet has come."""
        self.heard = time.monotonic()
        kind = packet.get('type')
        if kind in ('cancel', 'error'):
            return self.finish('the client has left')
        if seq != self._received:
            return self.cancel('a packet was lost')
        self._received += 1
        self.credits += packet.get('credits', 0)
        if kind == 'handoff-proceed':
            self._moved = True
        elif kind not in ('credit', 'keep-alive'):
            self._waiting.append(packet)
        if len(self._waiting) > MAX_WAITING:
            return self.cancel('too much is waiting to be received')
        self._wake()

    def _check(self):
        if self.over is not None:
            raise self.over if isinstance(self.over, Gone) else Gone(self.over)

    async def _until(self, holds):
        while not holds():
            self._check()
            waker = asyncio.get_running_loop().create_future()
            self._wakers.append(waker)
            await waker

    def _wake(self):
        wakers, self._wakers = self._wakers, []
        for waker in wakers:
            if not waker.done():
                waker.set_result(None)


def endpoints(base, names):
    """The three endpoints of a base: for `ipc:` it is followed by one of the names each, for `tcp:` by the next ports."""
    tcp = re.fullmatch(r'(tcp:.*:)(\d+)', base)
    if tcp:
        return [f'{tcp[1]}{int(tcp[2]) + offset}' for offset in range(3)]
    return [f'{base}-{name}' for name in names]


def takes_many(packet):
    ext = packet.get('ext')
    return isinstance(ext, dict) and ext.get('multi') is True


def write_packet(fields):
    """A packet with these fields: text is taken as latin1 like HTTP's."""
    return b'T' + encode(fields)


def read_packet(frame):
    """The fields of a packet: bodies as bytes, all other text as latin1. Raises ValueError if it is not one."""
    if frame[:1] != b'T':
        raise ValueError('not a tnetstring')
    packet, end = decode(frame, 1)
    if end != len(frame) or not isinstance(packet, dict):
        raise ValueError('not a map')
    packet.setdefault('body', b'')
    ids = packet.get('id')
    if isinstance(ids, list):
        ids = [one.get('id') if isinstance(one, dict) else None for one in ids]
    else:
        ids = [ids]
    credits = packet.get('credits', 0)
    texts = all(isinstance(text, str) for text in [packet.get('from', ''), *ids])
    if not texts or type(credits) is not int or credits < 0 or type(packet['body']) is not bytes or len(ids) > MAX_IDS:
        raise ValueError('a field is not what it must be')
    return packet


def decode(data, start, is_body=False, depth=0):
    """The value that begins at `start`, `LENGTH:DATA` and a type, and where it ends."""
    length = re.compile(rb'([0-9]{1,9}):').match(data, start)
    if not length:
        raise ValueError('no length')
    begin, end = length.end(), length.end() + int(length[1])
    if end >= len(data):
        raise ValueError('it ends too early')
    if depth > 8:
        raise ValueError('too deep')
    return decode_data(data[begin:end], data[end:end + 1], is_body, depth + 1), end + 1


def decode_data(data, kind, is_body, depth):
    if kind == b',':
        return data if is_body else data.decode('latin-1')
    if kind == b'#':
        if not re.fullmatch(rb'-?[0-9]{1,18}', data):
            raise ValueError('no number')
        return int(data)
    if kind == b'^':
        return float(data)
    if kind == b'!':
        return data == b'true'
    if kind == b'~':
        return None
    if kind not in (b']', b'}'):
        raise ValueError('unknown type')
    values, members, at = [], {}, 0
    while at < len(data):
        key = None
        if kind == b'}':
            key, at = decode(data, at, False, depth)
            if not isinstance(key, str):
                raise ValueError('a key is no text')
        value, at = decode(data, at, key == 'body', depth)
        members[key] = value
        values.append(value)
    return members if kind == b'}' else values


def encode(value):
    if isinstance(value, bool):
        return frame(b'true' if value else b'false', b'!')
    if isinstance(value, int):
        return frame(str(value).encode(), b'#')
    if isinstance(value, str):
        return frame(value.encode('latin-1'), b',')
    if isinstance(value, bytes):
        return frame(value, b',')
    if isinstance(value, dict):
        present = ((name, member) for name, member in value.items() if member is not None)
        return frame(b''.join(encode(name) + encode(member) for name, member in present), b'}')
    return frame(b''.join(map(encode, value)), b']')


def frame(data, kind):
    return b'%d:%b%b' % (len(data), data, kind)
