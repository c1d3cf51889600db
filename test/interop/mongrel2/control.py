"""Sends commands to the control port of a Mongrel2 server, one for each argument: a name, or a name with JSON of its arguments after a space. Prints
each reply as JSON on a line of its own."""
import json
import sys

import zmq

from parts import netstring


def encode(value):
    if isinstance(value, int):
        text = str(value)
        return f'{len(text)}:{text}#'
    if isinstance(value, str):
        return f'{len(value)}:{value},'
    if isinstance(value, list):
        text = ''.join(map(encode, value))
        return f'{len(text)}:{text}]'
    text = ''.join(encode(key) + encode(member) for key, member in value.items())
    return f'{len(text)}:{text}}}'


def decode(data):
    content, mark, rest = netstring(data)
    if mark == b'#':
        return int(content), rest
    if mark == b',':
        return content.decode(), rest
    values = []
    while content:
        value, content = decode(content)
        values.append(value)
    return (values if mark == b']' else dict(zip(values[::2], values[1::2]))), rest


socket = zmq.Context.instance().socket(zmq.REQ)
socket.linger = 0
socket.connect(sys.argv[1])
for argument in sys.argv[2:]:
    name, _, arguments = argument.partition(' ')
    socket.send(encode([name, json.loads(arguments or '{}')]).encode())
    print(json.dumps(decode(socket.recv())[0]), flush=True)
