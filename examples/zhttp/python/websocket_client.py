"""Sends each line of its input to a WebSocket server, and prints what comes back: python3 websocket_client.py BASE URL"""
import asyncio
import sys
import time

from command_line import command_line
from fetch import Fetch, Gone

MAX_MESSAGE = 100_000
"""Bytes of a message."""

WINDOW = 2 * MAX_MESSAGE
"""Bytes that the server can send ahead."""

QUIET = 1
"""Seconds without a message after which nothing more is expected once the input has ended."""

closing = False
heard = time.monotonic()
"""When something last came from the server."""


def close(session, code):
    global closing
    if not closing:
        session.send({'type': 'close', 'code': code})
    closing = True


async def speak(session):
    global heard
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in lines:
        await session.post({'content-type': 'text', 'body': line.rstrip(b'\n')})
        heard = time.monotonic()
    # A pipe ends before the server has replied to what it brought: messages that come behind a close would be lost.
    while time.monotonic() - heard < QUIET:
        await asyncio.sleep(QUIET / 10)
    close(session, 1000)


async def listen(session):
    global heard
    message = b''
    while True:
        packet = await session.receive()
        heard = time.monotonic()
        kind, body = packet.get('type'), packet['body']
        if kind == 'close':
            close(session, packet.get('code'))  # The receiver of a close sends a close back; then the session is over.
            session.finish('closed')
            return print(f'closed: {packet.get("code")}')
        session.pay(len(body))
        if kind == 'ping':
            await session.post({'type': 'pong', 'body': body})
        if kind is not None:
            continue
        message += body
        if len(message) > MAX_MESSAGE:
            sys.exit('failed: a message is too long')
        if not packet.get('more'):
            print(f'> {message.decode()}', flush=True)
            message = b''


async def main():
    base, uri = command_line('websocket_client.py BASE URL')
    async with await Fetch.connect(base) as fetch:
        session = fetch.open({'method': 'GET', 'uri': uri, 'credits': WINDOW})
        try:
            await session.receive()  # It is accepted, or this raises.
            print('connected', flush=True)
            speaking = asyncio.create_task(speak(session))
            await listen(session)
            speaking.cancel()
        except Gone as error:
            packet = getattr(error, 'packet', {})
            sys.exit(f'failed: {error} {packet.get("code", "")}')


asyncio.run(main())
