"""A handler of Mongrel2's protocol, written from its description with pyzmq alone. It is two programs:

take SEND_SPEC        prints what each message says: UUID, ID, PATH, METHOD and the length of the body, one a line
answer RECV_SPEC UUID sends what standard input says: each line has ids with spaces between them, a tab, and a text with Python's escapes
"""
import json
import re
import sys

import zmq

REQUEST = re.compile(rb'([^ ]+) (\d+) ([^ ]+) (\d+):')


def take(endpoint):
    socket = zmq.Context.instance().socket(zmq.PULL)
    socket.connect(endpoint)
    print('ready', flush=True)
    while True:
        message = socket.recv()
        match = REQUEST.match(message)
        uuid, number, path = (match[group].decode() for group in (1, 2, 3))
        start = match.end()
        end = start + int(match[4])
        # A strict parser: control characters and bytes that are not UTF-8 are errors.
        headers = json.loads(message[start:end].decode())
        size, body = message[end + 1:].split(b':', 1)
        assert message[end:end + 1] == b',' and body[-1:] == b',' and len(body) == int(size) + 1, message
        print(uuid, number, path, headers['METHOD'], size.decode(), flush=True)


def answer(endpoint, uuid):
    socket = zmq.Context.instance().socket(zmq.XPUB)
    socket.linger = 10_000
    socket.connect(endpoint)
    socket.recv()
    print('ready', flush=True)
    for line in sys.stdin:
        ids, text = line.rstrip('\n').split('\t')
        body = text.encode().decode('unicode_escape').encode('latin-1')
        socket.send(f'{uuid} {len(ids)}:{ids}, '.encode() + body)


if __name__ == '__main__':
    {'take': take, 'answer': answer}[sys.argv[1]](*sys.argv[2:])
