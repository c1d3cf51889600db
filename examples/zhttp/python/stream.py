"""Sends each client a line every second until the client leaves: python3 stream.py BASE [SECONDS]"""
import asyncio
import sys

from zhttp import Handler

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 1


async def stream(session):
    lines = 0
    session.send({'code': 200, 'reason': 'OK', 'headers': [['Content-Type', 'text/plain']], 'more': True})
    try:
        while True:
            await session.write(f'line {lines + 1}\n'.encode())  # Waits while the client does not read.
            lines += 1
            await asyncio.sleep(SECONDS)
    finally:
        print(f'{session.id}: {session.over} after {lines} lines', flush=True)


async def main():
    handler = await Handler.connect(sys.argv[1], stream)
    print('stream is ready', flush=True)
    await handler.run()


asyncio.run(main())
