"""Responds to each request with its own body: python3 echo.py BASE

The client sends as it is granted credits, and gets the response as it grants them, so neither side is flooded. The body is read
whole before the response begins, because many clients do not read before they have sent everything. A larger body than 1 MiB gets
413.
"""
import asyncio

from command_line import command_line
from zhttp import Handler

MAX_BODY = 1024 * 1024
"""Maximum bytes of a body. Without a limit one client could fill the memory."""


async def echo(session):
    body = await session.read_body(MAX_BODY)
    if body is None:
        return await session.respond(413, 'Content Too Large', f'At most {MAX_BODY} bytes.\n')
    types = [value for name, value in session.request['headers'] if name.lower() == 'content-type']
    headers = [['Content-Type', types[0] if types else 'application/octet-stream'], ['Content-Length', str(len(body))]]
    session.send({'code': 200, 'reason': 'OK', 'headers': headers, 'more': True})
    await session.write(body)
    session.end()


async def main():
    [base] = command_line('echo.py BASE')
    handler = await Handler.connect(base, echo)
    print('echo is ready', flush=True)
    await handler.run()


asyncio.run(main())
