"""Takes bodies of any size and says what has come: python3 upload.py SEND_SPEC RECV_SPEC"""
import hashlib
import os
import sys

from mongrel2 import Handler
from specs import specs

WINDOW = 256 * 1024
"""Bytes of a streamed upload that may be on their way."""

MAX_FILE = 10 * 1024**3
"""Larger files are refused before they come."""

streams = {}
"""Streamed uploads that are not complete, by connection: the request, the bytes so far, and their hash."""


def receive(event):
    key = event.uuid, event.id
    if event.kind == 'request':
        report(event, len(event.body), hashlib.sha256(event.body))
    elif event.kind == 'upload-start':
        start(event)
    elif event.kind == 'upload':
        report_file(event)
    elif event.kind == 'upload-part':
        take_part(key, event)
    elif event.kind == 'disconnect':
        streams.pop(key, None)
        print(f'{event.id} has left', flush=True)


def start(event):
    length = event.header('content-length', '0')
    if length.isdigit() and int(length) > MAX_FILE:
        handler.respond(event, b'The file is too large.\n', '413 Content Too Large')
        handler.close(event)
    else:
        print(f'{event.id} begins to upload', flush=True)


def report_file(event):
    """The file is the handler's now."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(event.file, 'rb') as file:
            while block := file.read(65536):
                digest.update(block)
                size += len(block)
        os.remove(event.file)
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        return handler.respond(event, b'The file cannot be read.\n', '500 Internal Server Error')
    report(event, size, digest)


def take_part(key, event):
    """Asks for as much again as has come."""
    if event.first:
        print(f'{event.id} begins to upload', flush=True)
        streams[key] = [event, 0, hashlib.sha256()]
    if key not in streams:
        return
    stream = streams[key]
    stream[1] += len(event.body)
    stream[2].update(event.body)
    if event.last:
        report(*streams.pop(key))
    else:
        handler.grant(event, WINDOW if event.first else len(event.body))


def report(event, size, digest):
    handler.respond(event, f'{size} bytes, SHA-256 {digest.hexdigest()}\n'.encode())


handler = Handler(*specs('upload.py'))
handler.wait_until_ready()
print('upload is ready', flush=True)
for event in handler:
    receive(event)
