"""Sends each client a line every second until the client leaves: python3 stream.py BASE [SECONDS]"""
import asyncio

from command_line import command_line
from zhttp import Handler

BASE, SECONDS = command_line('stream.py BASE [SECONDS]')


async def stream(session):
    lines = 0
    session.send({'code': 200, 'reason': 'OK', 'headers': [['Content-Type', 'text/plain']], 'more': True})
    try:
        while True:
            await session.write(f'line {lines + 1}\n'.encode())  # Waits while the client does not read.
            lines += 1
            await asyncio.sleep(float(SECONDS or 1))
    finally:
        print(f'{session.id}: {session.over} after {lines} lines', flush=True)


async def main():
    handler = await Handler.connect(BASE, stream)
    print('stream is ready', flush=True)
    await handler.run()


asyncio.run(main())
