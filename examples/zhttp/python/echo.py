"""Answers each request with its own body: python3 echo.py BASE

The client sends as it is granted credits, and gets the answer as it grants them: neither side is ever flooded. The body is read
whole before the answer begins, because many clients do not read before they have sent everything.
"""
import asyncio
import sys

from zhttp import Handler

MAX_BODY = 1024 * 1024
"""Bytes of a body. Without a limit somebody could fill the memory."""


async def echo(session):
    body = await session.read_body(MAX_BODY)
    if body is None:
        return await session.answer(413, 'Content Too Large', f'At most {MAX_BODY} bytes.\n')
    types = [value for name, value in session.request['headers'] if name.lower() == 'content-type']
    headers = [['Content-Type', types[0] if types else 'application/octet-stream'], ['Content-Length', str(len(body))]]
    session.send({'code': 200, 'reason': 'OK', 'headers': headers, 'more': True})
    await session.write(body)
    session.end()


async def main():
    handler = await Handler.connect(sys.argv[1], echo)
    print('echo is ready', flush=True)
    await handler.run()


asyncio.run(main())
