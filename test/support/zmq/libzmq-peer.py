"""Sockets of libzmq, driven by one JSON object a line on standard input; what comes of it goes to standard output alike."""

import base64
import json
import os
import sys

import zmq

context = zmq.Context()
poller = zmq.Poller()
poller.register(sys.stdin.fileno(), zmq.POLLIN)
sockets = {}

RECEIVING = {"PULL", "SUB", "XPUB", "XSUB", "ROUTER", "DEALER", "REQ", "REP"}


def say(**fields):
    print(json.dumps(fields), flush=True)


def encode(parts):
    return [base64.b64encode(part).decode() for part in parts]


def decode(parts):
    return [base64.b64decode(part) for part in parts]


def open_socket(name, kind, options, bind, connect, subscribe, stalled):
    socket = context.socket(getattr(zmq, kind))
    socket.setsockopt(zmq.LINGER, 5000)
    for option, value in options.items():
        value = value.encode("latin1") if isinstance(value, str) else value
        socket.setsockopt(getattr(zmq, option), value)
    for topic in subscribe:
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
    endpoint = connect
    if bind is not None:
        socket.bind(bind)
        endpoint = socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
    else:
        socket.connect(connect)
    sockets[name] = socket
    if kind in RECEIVING and not stalled:
        poller.register(socket, zmq.POLLIN)
    return endpoint


def close_socket(name, drop):
    socket = sockets.pop(name, None)
    if socket is None:
        return
    if socket in dict(poller.sockets):
        poller.unregister(socket)
    socket.close(0 if drop else None)


def send(name, parts):
    """Whether the message was taken."""
    try:
        sockets[name].send_multipart(decode(parts), zmq.NOBLOCK)
        return True
    except zmq.ZMQError as error:
        if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            return False
        raise


def obey(command):
    operation = command.pop("do")
    number = command.pop("number")
    try:
        if operation == "open":
            result = open_socket(**command)
        elif operation == "send":
            result = send(**command)
        elif operation == "subscribe":
            result = sockets[command["name"]].setsockopt(zmq.SUBSCRIBE, command["topic"].encode())
        elif operation == "unsubscribe":
            result = sockets[command["name"]].setsockopt(zmq.UNSUBSCRIBE, command["topic"].encode())
        elif operation == "resume":
            result = poller.register(sockets[command["name"]], zmq.POLLIN)
        elif operation == "version":
            result = zmq.zmq_version()
        else:
            result = close_socket(**command)
        say(number=number, result=result)
    except zmq.ZMQError as error:
        say(number=number, error=str(error))


def receive(socket):
    name = next(name for name, candidate in sockets.items() if candidate is socket)
    while True:
        try:
            say(name=name, message=encode(socket.recv_multipart(zmq.NOBLOCK)))
        except zmq.ZMQError:
            # Nothing more is here, or a REQ or REP has to send first.
            return


buffered = b""
while True:
    for source, _ in poller.poll():
        if source != sys.stdin.fileno():
            if not source.closed:
                receive(source)
            continue
        chunk = sys.stdin.buffer.raw.read(1 << 20)
        if not chunk:
            # Not by sys.exit: that waits for messages that nobody will take.
            os._exit(0)
        *lines, buffered = (buffered + chunk).split(b"\n")
        for line in lines:
            obey(json.loads(line))
