"""What a program needs to let Holdfast, Zurl or Condure make HTTP requests and open WebSockets for it, over ZeroMQ (ZHTTP in stream
mode). Copy this file and zhttp.py; they need pyzmq (on Debian the distribution's python3 with python3-zmq,
or pip install pyzmq) and nothing else.

  program         fetcher
  PUSH     ->     BASE-in         PULL            the first packet of each session: a request
  ROUTER   ->     BASE-in-stream  DEALER, ROUTER  its later packets, to the address that its responses come from
  SUB      <-     BASE-out        PUB             all responses, with the address of the program before them
"""
import asyncio
import collections
import secrets
import signal
import sys
import time
import uuid

import zmq
import zmq.asyncio

from zhttp import Gone, Session, endpoints, read_packet, write_packet

Endpoints = collections.namedtuple('Endpoints', 'requests packets responses')
"""Where first and later packets go, and where responses come from."""


class Failed(Gone):
    """What a session ends with if its request fails: its text is ZHTTP's condition, such as `policy-violation`."""

    def __init__(self, packet):
        super().__init__(packet.get('condition', 'undefined-condition'))
        self.packet = packet
        """All that was said; of a WebSocket that was `rejected`, `code`, `reason`, `headers` and `body` of the response."""


class Fetch:
    """Connects one process to one fetcher, and keeps track of its sessions."""

    @classmethod
    async def connect(cls, base, *, keep_alive=30, expiry=60):
        """Returns once packets get through in both directions; waits for a fetcher that has not started yet.

        Times are in seconds.
        """
        self = cls()
        to = fetch_endpoints(base)
        # A random name, so that responses to an earlier process are not taken for ours.
        self._address = f'program-{secrets.token_hex(6)}'
        self._sessions = {}
        self._context = zmq.asyncio.Context()
        subscriber = self._context.socket(zmq.SUB)
        self._push = self._context.socket(zmq.PUSH)
        self._router = self._context.socket(zmq.ROUTER)
        subscriber.rcvhwm = self._router.sndhwm = 0
        # A PUB drops messages without a subscriber. The subscription leaves as soon as this socket is connected: it
        # arrives before any request, since the others are connected only then.
        subscriber.subscribe(f'{self._address} ')
        await connected(subscriber, to.responses)
        await asyncio.gather(connected(self._push, to.requests), connected(self._router, to.packets))
        self._tasks = [asyncio.create_task(work) for work in (self._read(subscriber), self._tick(keep_alive, expiry))]
        # So that SIGTERM leaves through `__aexit__`, as Ctrl-C does.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit, 1)
        return self

    def open(self, request):
        """Makes a request.

        Without `stream` and `credits` the response comes in one packet, whatever its size.
        """
        session = FetchSession(self, None, str(uuid.uuid4()), received=0, sent=0, credits=0, multi=False)
        session.window = request.get('credits', 0)
        session.is_websocket = request['uri'].startswith(('ws:', 'wss:'))
        self._sessions[session.id] = session
        session.send(request)
        session.credits = 0  # The body of the first packet needs none.
        return session

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        """Cancels all sessions and disconnects; what has been sent has a second to leave."""
        for task in self._tasks:
            task.cancel()
        for session in list(self._sessions.values()):
            session.cancel('this program is ending')
        await asyncio.sleep(0)
        self._context.destroy(linger=1000)

    def send_all(self, sessions, fields):
        """For sessions: sends each of them this packet."""
        for session in sessions:
            packet = write_packet({'from': self._address, **session.next(fields), 'ext': {'multi': True}, **fields})
            if session.peer is not None:
                self._router.send_multipart([session.peer.encode('latin-1'), b'', packet])
            elif 'type' not in fields:
                # Until the first response it is not known where other packets go.
                self._push.send(packet)

    def forget(self, session):
        """For sessions: it is over."""
        self._sessions.pop(session.id, None)

    async def _read(self, subscriber):
        while True:
            frame = await subscriber.recv()
            try:
                packet = read_response(frame)
            except ValueError as error:
                print(f'packet ignored: {error}', file=sys.stderr)
                continue
            for one in [packet] if isinstance(packet['id'], str) else packet['id']:
                session = self._sessions.get(one['id'])
                if session is not None:
                    session.take(packet, one.get('seq'))

    async def _tick(self, keep_alive, expiry):
        while True:
            await asyncio.sleep(min(1, keep_alive))
            now = time.monotonic()
            for session in list(self._sessions.values()):
                if now - session.heard >= expiry:
                    session.finish('nothing was heard of the session')
                elif now - session.kept >= keep_alive and session.peer is not None:
                    session.send({'type': 'keep-alive'})


class FetchSession(Session):
    """One request and its response, or one WebSocket."""

    window = 0
    """Bytes that the request granted."""

    _owed = 0

    def pay(self, count):
        """Grants bytes that have been dealt with, once they are half the window.

        Each grant of a few bytes would let the other side send a packet of a few bytes. It still has the other half meanwhile.
        """
        self._owed += count
        if self._owed >= self.window / 2:
            self.grant(self._owed)
            self._owed = 0

    async def parts(self, head):
        """The parts of a response's body as they come; `head` is its first packet.

        Each is paid for when the next one is wanted.
        """
        packet = head
        yield packet['body']
        while packet.get('more'):
            if self.over is None:  # The rest may be here already.
                self.pay(len(packet['body']))
            packet = await self.receive()
            yield packet['body']

    def take(self, packet, seq):
        """For `Fetch`: a packet has come."""
        kind = packet.get('type')
        if kind == 'error':
            return self.finish(Failed(packet))
        if kind == 'cancel':
            return self.finish('cancelled by the fetcher')
        self.peer = packet.get('from', self.peer)
        super().take(packet, seq)
        if kind is None and not packet.get('more') and not self.is_websocket:
            self.finish('the response is complete')


def fetch_endpoints(base):
    """The endpoints of a fetcher."""
    return Endpoints(*endpoints(base, ['in', 'in-stream', 'out']))


def read_response(frame):
    """The packet in a message of the publisher, behind the address. Raises ValueError if there is none."""
    return read_packet(frame[frame.find(b' ') + 1:])


async def connected(socket, endpoint):
    """Connects a socket of zmq.asyncio, and waits until the other side is there."""
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.connect(endpoint)
    await monitor.recv_multipart()
    socket.disable_monitor()
