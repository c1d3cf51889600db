"""The chat that Mongrel2 was shown with, over WebSocket: python3 chat.py SEND_SPEC RECV_SPEC"""
import json

from mongrel2 import TEXT, Handler
from specs import specs

MAX_NAME, MAX_TEXT = 40, 1000
"""Characters of a name, and of what is said at once."""

users = {}
"""The names of those who have joined, by the server and its connection."""


def receive(event):
    if event.kind == 'handshake':
        handler.accept(event)
    elif event.kind == 'message':
        key, data = (event.uuid, event.id), parse(event)
        if data.get('type') == 'join' and key not in users:
            join(key, data.get('user'))
        elif data.get('type') == 'msg' and key in users:
            say(users[key], data.get('msg'))
    elif event.kind == 'disconnect':
        leave((event.uuid, event.id))
    elif event.kind == 'request':
        handler.respond(event, b'Expected a WebSocket.\n', '400 Bad Request')


def parse(event):
    """A JSON object; an empty one for anything else."""
    try:
        data = json.loads(event.body) if event.opcode == TEXT else {}
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def join(key, user):
    name = (user if isinstance(user, str) else '').strip()[:MAX_NAME] or f'guest {key[1]}'
    tell_all({'type': 'join', 'user': name})
    users[key] = name
    uuid, id = key
    handler.send((uuid, [id]), json.dumps({'type': 'userList', 'users': list(users.values())}))


def say(user, msg):
    text = (msg if isinstance(msg, str) else '')[:MAX_TEXT]
    if text.strip():
        tell_all({'type': 'msg', 'user': user, 'msg': text})


def leave(key):
    if key in users:
        tell_all({'type': 'leave', 'user': users.pop(key)})


def tell_all(data):
    """One message for all clients of each server."""
    for server in {uuid for uuid, _ in users}:
        handler.send((server, [id for uuid, id in users if uuid == server]), json.dumps(data))


handler = Handler(*specs('chat.py'))
handler.wait_until_ready()
print('chat is ready', flush=True)
for event in handler:
    receive(event)
