"""A handler of what is more than requests in Mongrel2's protocol, written from its description with pyzmq alone:

parts.py SEND_SPEC RECV_SPEC  echoes WebSockets and JSON sockets, and answers uploads with their SHA-1 and what it knows of them

control.py is the client of the control port.
"""
import hashlib
import json
import os
import struct
import sys

import zmq

UPLOAD = 'x-mongrel2-upload-'


def netstring(data):
    size, rest = data.split(b':', 1)
    return rest[:int(size)], rest[int(size):int(size) + 1], rest[int(size) + 1:]


def tnetstring(data):
    content, mark, rest = netstring(data)
    if mark == b'}':
        fields = {}
        while content:
            key, content = tnetstring(content)
            fields[key], content = tnetstring(content)
        return fields, rest
    if mark == b']':
        values = []
        while content:
            value, content = tnetstring(content)
            values.append(value)
        return values, rest
    return content.decode(), rest


def parse(message):
    uuid, number, path, rest = message.split(b' ', 3)
    headers, mark, tail = netstring(rest)
    if mark == b'}':
        headers, tail = tnetstring(rest)
    else:
        headers = json.loads(headers)
    body, _, _ = netstring(tail)
    return uuid.decode(), number.decode(), path.decode(), headers, body


def frame(first, payload):
    if len(payload) < 126:
        return struct.pack('!BB', first, len(payload)) + payload
    if len(payload) < 65536:
        return struct.pack('!BBH', first, 126, len(payload)) + payload
    return struct.pack('!BBQ', first, 127, len(payload)) + payload


class Handler:
    def __init__(self, send_spec, recv_spec):
        context = zmq.Context.instance()
        self.pull = context.socket(zmq.PULL)
        self.pull.connect(send_spec)
        self.pub = context.socket(zmq.XPUB)
        self.pub.connect(recv_spec)
        self.pub.recv()
        self.streams = {}

    def send(self, uuid, number, body):
        self.pub.send(f'{uuid} {len(number)}:{number}, '.encode() + body)

    def credits(self, uuid, number, count):
        text = str(count)
        inner = f'7:credits,{len(text)}:{text}#'
        value = f'3:ctl,{len(inner)}:{inner}}}'
        self.pub.send(f'{uuid} {len(number) + 2}:X {number}, {len(value)}:{value}]'.encode())

    def respond(self, uuid, number, text):
        body = text.encode()
        self.send(uuid, number, b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body)

    def run(self):
        print('ready', flush=True)
        while True:
            uuid, number, path, headers, body = parse(self.pull.recv())
            method = headers.get('METHOD')
            if path == '@*':
                print('gone', number, flush=True)
            elif method == 'WEBSOCKET_HANDSHAKE':
                fields = b'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + body
                self.send(uuid, number, b'HTTP/1.1 101 Switching Protocols\r\n' + fields + b'\r\n\r\n')
            elif method == 'WEBSOCKET':
                self.websocket(uuid, number, int(headers['FLAGS'], 16), body)
            elif method == 'JSON':
                self.send(uuid, number, json.dumps({'echo': json.loads(body)}).encode())
            elif 'UPLOAD_STREAM' in headers:
                self.stream(uuid, number, headers, body)
            elif UPLOAD + 'start' in headers:
                self.spool(uuid, number, headers)
            else:
                self.respond(uuid, number, f'in memory {hashlib.sha1(body).hexdigest()}')

    def websocket(self, uuid, number, flags, body):
        opcode = flags & 0xf
        if opcode in (1, 2):
            self.send(uuid, number, frame(flags, body))
        elif opcode == 9:
            self.send(uuid, number, frame(0x8a, body))
        elif opcode == 8:
            self.send(uuid, number, frame(0x88, body))
            self.send(uuid, number, b'')

    def spool(self, uuid, number, headers):
        start, done = headers[UPLOAD + 'start'], headers.get(UPLOAD + 'done')
        if done is None:
            print('start', os.path.exists(start), flush=True)
            return
        assert done == start, headers
        with open(done, 'rb') as file:
            digest = hashlib.sha1(file.read()).hexdigest()
        os.remove(done)
        self.respond(uuid, number, f'in a file {digest}')

    def stream(self, uuid, number, headers, body):
        parts = self.streams.setdefault(number, [])
        assert int(headers['UPLOAD_STREAM']) == sum(map(len, parts)), headers
        parts.append(body)
        if 'UPLOAD_STREAM_DONE' in headers:
            whole = b''.join(self.streams.pop(number))
            self.respond(uuid, number, f'streamed {hashlib.sha1(whole).hexdigest()}')
        else:
            self.credits(uuid, number, 30_000)


if __name__ == '__main__':
    Handler(*sys.argv[1:]).run()
