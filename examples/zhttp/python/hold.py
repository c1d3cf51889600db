"""Holds every client that sends a GET, and sends all of them each line that is posted: python3 hold.py BASE

  curl -N http://localhost:8000/               holds
  curl -d 'hello' http://localhost:8000/       sends a line to all who are held

One packet carries the line to up to 128 clients. A client that has not taken the earlier lines, and does not within a second, is
dropped, so that one slow client cannot keep the line from the others.
"""
import asyncio

from command_line import command_line
from zhttp import Handler

MAX_LINE = 4096
"""Maximum bytes of a line. It must not exceed the credits that a front server grants, or no client could take it."""

held = set()


async def on_session(session):
    method = session.request['method']
    if method == 'GET':
        await hold(session)
    elif method == 'POST':
        await publish(session)
    else:
        await session.respond(405, 'Method Not Allowed', 'GET holds, POST sends a line.\n')


async def hold(session):
    headers = [['Content-Type', 'text/plain; charset=utf-8']]
    await session.post({'code': 200, 'reason': 'OK', 'headers': headers, 'body': b'welcome\n', 'more': True})
    held.add(session)
    try:
        await session.gone()
    finally:
        held.discard(session)


async def publish(session):
    line = await session.read_body(MAX_LINE - 1)
    if line is None:
        return await session.respond(413, 'Content Too Large', f'At most {MAX_LINE - 1} bytes.\n')
    clients = list(held)
    slow = await handler.broadcast(clients, {'body': line + b'\n', 'more': True})
    for client in slow:
        client.cancel('too slow')
    await session.respond(200, 'OK', f'sent to {len(clients) - len(slow)}, dropped {len(slow)}\n')


async def main():
    global handler
    [base] = command_line('hold.py BASE')
    handler = await Handler.connect(base, on_session)
    print('hold is ready', flush=True)
    await handler.run()


asyncio.run(main())
