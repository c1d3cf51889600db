"""Handlers for Mongrel2's protocol, in one file: copy it.

    handler = Handler('tcp://127.0.0.1:9997', 'tcp://127.0.0.1:9996')
    for event in handler:
        if event.kind == 'request':
            handler.respond(event, b'hello')

The endpoints are the `send_spec` and `recv_spec` of the handler in the site. The server may start later, and may restart.
"""
import json
import struct
import sys

import zmq

MAX_IDENTS = 128
"""Connections that one message may name."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Malformed(Exception):
    """A message that cannot be read."""


class Event:
    """What a server tells.

    `kind` is one of `request`, `upload-start`, `upload`, `upload-part`, `handshake`, `message`, `json`, `xml`, `disconnect` and
    `credits`. `uuid` names the server, and `id` the client's connection.
    """

    def __init__(self, uuid, id, path, headers, body):
        self.uuid, self.id, self.path, self.headers, self.body = uuid, id, path, headers, body
        self.kind = self._kind()

    def header(self, name, default=''):
        """The first value of a header: those of the client have lower-case names, those of the server upper-case ones."""
        value = self.headers.get(name, default)
        return value[0] if isinstance(value, list) else value

    @property
    def method(self):
        return self.header('METHOD')

    @property
    def opcode(self):
        """With `message`, and for what the module answers itself: the frame's opcode with its RSV bits."""
        return int(self.header('FLAGS', '0'), 16) & 0x7F

    @property
    def file(self):
        """With `upload-start` and `upload`: where the body is."""
        return self.header('x-mongrel2-upload-start')

    @property
    def offset(self):
        """With `upload-part`: bytes before this part."""
        return int(self.header('UPLOAD_STREAM', '0'))

    @property
    def first(self):
        """With `upload-part`: whether it is the first, which alone has the headers of the request. It may be empty."""
        return 'METHOD' in self.headers

    @property
    def last(self):
        return 'UPLOAD_STREAM_DONE' in self.headers

    def _kind(self):
        if self.path == '@*':
            return 'credits' if 'DOWNLOAD_CREDITS' in self.headers else 'disconnect'
        kinds = {'JSON': 'json', 'XML': 'xml', 'WEBSOCKET': 'message', 'WEBSOCKET_HANDSHAKE': 'handshake'}
        if self.method in kinds:
            return kinds[self.method]
        if 'UPLOAD_STREAM' in self.headers:
            return 'upload-part'
        # Mongrel2 passes on what clients write into these headers. Only the server writes the same into both.
        done = self.header('x-mongrel2-upload-done')
        if self.file and not done:
            return 'upload-start'
        return 'upload' if self.file and self.file == done else 'request'


class Handler:
    """Events of a server, and answers to it. `to` is an event, or `(uuid, [id, id, ...])` for any number of connections."""

    def __init__(self, send_spec, recv_spec):
        context = zmq.Context.instance()
        self._pull = context.socket(zmq.PULL)
        # Answers that are sent before the server has subscribed would be lost. An XPUB is told of it.
        self._pub = context.socket(zmq.XPUB)
        self._pub.sndhwm = 100_000
        self._pub.linger = 1000
        self._pub.connect(recv_spec)
        self._send_spec = send_spec
        self._topics = 0
        self._connected = False

    def wait_until_ready(self):
        """Returns when answers will reach the server."""
        while not self._topics:
            self._take_subscription()

    def __iter__(self):
        poller = zmq.Poller()
        poller.register(self._pub, zmq.POLLIN)
        poller.register(self._pull, zmq.POLLIN)
        while True:
            self.wait_until_ready()
            ready = dict(poller.poll())
            if self._pub in ready:
                self._take_subscription()
            elif self._pull in ready:
                event = self._read(self._pull.recv())
                if event is not None:
                    yield event

    def write(self, to, data):
        """Sends bytes as they are. Empty ones close the connections."""
        uuid, ids = (to.uuid, [to.id]) if isinstance(to, Event) else to
        for start in range(0, len(ids), MAX_IDENTS):
            self._send(uuid, ' '.join(map(str, ids[start:start + MAX_IDENTS])), data)

    def respond(self, to, body=b'', status='200 OK', headers=()):
        """Sends a whole response, and closes the connection if the request wants that."""
        close = isinstance(to, Event) and (
            to.header('VERSION') == 'HTTP/1.0' or 'close' in to.header('connection').lower()
        )
        fields = [*headers, ('Content-Length', len(body)), *([('Connection', 'close')] if close else [])]
        lines = ''.join(f'{name}: {value}\r\n' for name, value in fields)
        head = f'HTTP/1.1 {status}\r\n{lines}\r\n'.encode('latin-1')
        self.write(to, head if isinstance(to, Event) and to.method == 'HEAD' else head + body)
        if close:
            self.close(to)

    def close(self, to):
        """Closes connections after what was sent before. No `disconnect` follows."""
        self.write(to, b'')

    def grant(self, event, count):
        """Lets the server send so many more bytes of a streamed upload."""
        number = tnetstring(str(count).encode(), b'#')
        control = tnetstring(tnetstring(b'credits', b',') + number, b'}')
        self._send(event.uuid, f'X {event.id}', tnetstring(tnetstring(b'ctl', b',') + control, b']'))

    def accept(self, event):
        """Accepts a WebSocket."""
        lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
        lines.append('Sec-WebSocket-Accept: ' + event.body.decode())
        self.write(event, ('\r\n'.join(lines) + '\r\n\r\n').encode())

    def send(self, to, message):
        """Sends a message on WebSockets: text, or bytes."""
        if isinstance(message, str):
            self.write(to, frame(TEXT, message.encode()))
        else:
            self.write(to, frame(BINARY, message))

    def close_websocket(self, to, code=1000):
        """Closes WebSockets. No `disconnect` follows."""
        self.write(to, frame(CLOSE, struct.pack('!H', code)))
        self.close(to)

    def _send(self, uuid, ids, data):
        self._pub.send(f'{uuid} {len(ids)}:{ids}, '.encode() + data)

    def _take_subscription(self):
        self._topics += 1 if self._pub.recv()[0] else -1
        if self._topics and not self._connected:
            self._pull.connect(self._send_spec)
            self._connected = True

    def _read(self, message):
        try:
            event = parse(message)
        except (Malformed, ValueError) as error:
            print(f'a malformed message was dropped: {error}', file=sys.stderr, flush=True)
            return None
        return self._take_frame(event) if event.kind == 'message' else event

    def _take_frame(self, event):
        """Answers pings and closes, and ends WebSockets whose frames break RFC 6455."""
        if event.opcode == TEXT and is_utf8(event.body) or event.opcode == BINARY:
            return event
        if event.opcode == PING:
            self.write(event, frame(PONG, event.body))
        if event.opcode in (PING, PONG):
            return None
        if event.opcode == CLOSE:
            self.write(event, frame(CLOSE, event.body[:2] if is_close(event.body) else struct.pack('!H', 1002)))
            self.close(event)
        else:
            self.close_websocket(event, 1007 if event.opcode == TEXT else 1002)
        # The server tells nothing after that.
        event.kind = 'disconnect'
        return event


def parse(message):
    """Reads `UUID ID PATH SIZE:HEADERS,SIZE:BODY,`, with headers as JSON or as a tnetstring."""
    words = message.split(b' ', 3)
    if len(words) < 4:
        raise Malformed('expected a UUID, an id, a path and headers')
    uuid, id, path, rest = words
    headers, rest = read_tnetstring(rest)
    if isinstance(headers, bytes):
        headers = json.loads(headers)
    body, rest = read_tnetstring(rest)
    if not isinstance(headers, dict) or not isinstance(body, bytes) or rest:
        raise Malformed('expected headers and a body')
    return Event(uuid.decode(), int(id), path.decode('utf-8', 'replace'), headers, body)


def read_tnetstring(data, depth=0):
    """A value, as far as headers have them, and what follows it."""
    size, colon, rest = data.partition(b':')
    if not colon or not size.isdigit() or len(size) > 9 or len(rest) <= int(size) or depth > 2:
        raise Malformed('expected a tnetstring')
    value, kind, rest = rest[:int(size)], rest[int(size):int(size) + 1], rest[int(size) + 1:]
    if kind == b',':
        return value, rest
    items = []
    while kind in b'}]' and value:
        item, value = read_tnetstring(value, depth + 1)
        items.append(item)
    texts = [text(item) for item in items]
    if kind == b']':
        return texts, rest
    if kind != b'}' or len(texts) % 2:
        raise Malformed('expected text, a list or a dictionary')
    return dict(zip(texts[::2], texts[1::2])), rest


def text(value):
    """UTF-8 as it is, other bytes as latin-1."""
    if not isinstance(value, bytes):
        return value
    return value.decode() if is_utf8(value) else value.decode('latin-1')


def tnetstring(data, kind):
    return str(len(data)).encode() + b':' + data + kind


def frame(opcode, data):
    """A WebSocket frame as servers send them (RFC 6455, 5.2)."""
    if len(data) < 126:
        head = struct.pack('!BB', 0x80 | opcode, len(data))
    elif len(data) < 65536:
        head = struct.pack('!BBH', 0x80 | opcode, 126, len(data))
    else:
        head = struct.pack('!BBQ', 0x80 | opcode, 127, len(data))
    return head + data


def is_close(payload):
    """Whether it is what a close frame may have (RFC 6455, 7.4)."""
    if len(payload) < 2:
        return not payload
    code = int.from_bytes(payload[:2], 'big')
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
