"""A room in which everybody hears everybody, over WebSocket: python3 chat.py BASE"""
import asyncio
import itertools

from command_line import command_line
from zhttp import Handler

MAX_MESSAGE = 1000
"""Bytes of a message."""

WINDOW = 2 * MAX_MESSAGE
"""Bytes that a client can send ahead."""

members = set()
numbers = itertools.count(1)


async def chat(session):
    if not session.request['uri'].startswith(('ws:', 'wss:')):
        return await session.respond(400, 'Bad Request', 'Expected a WebSocket.\n')
    session.send({'code': 101, 'reason': 'Switching Protocols', 'credits': WINDOW})
    members.add(session)
    try:
        await converse(session, f'guest {next(numbers)}')
    finally:
        members.discard(session)


async def converse(session, name):
    message, closing = b'', False
    while True:
        packet = await session.receive()
        kind, body = packet.get('type'), packet['body']
        if kind == 'close':
            # The receiver of a `close` sends a `close` back; then the session is over.
            if not closing:
                session.send({'type': 'close', 'code': packet.get('code')})
            return session.finish('closed')
        session.grant(len(body))
        if closing:
            continue  # What was under way when the close left.
        if kind == 'ping':
            await session.post({'type': 'pong', 'body': body})
        if kind is not None:
            continue
        message += body
        binary = packet.get('content-type') == 'binary'
        if binary or len(message) > MAX_MESSAGE:
            session.send({'type': 'close', 'code': 1003 if binary else 1009})
            members.discard(session)
            closing = True
        elif not packet.get('more'):
            await say(f'{name}: '.encode() + message)
            message = b''


async def say(text):
    """Waits for those who are slow before the speaker can say more; who does not catch up within a second has to leave."""
    for member in await handler.broadcast(list(members), {'content-type': 'text', 'body': text}):
        member.cancel('too slow')


async def main():
    global handler
    [base] = command_line('chat.py BASE')
    handler = await Handler.connect(base, chat)
    print('chat is ready', flush=True)
    await handler.run()


asyncio.run(main())
