"""Begins a response and hands the client to another process, which goes on with it: python3 handoff_first.py BASE LINK

LINK is a ZeroMQ endpoint where handoff_second takes sessions over, for instance ipc:///tmp/link. The client sees one response.
"""
import asyncio

import zmq
import zmq.asyncio
from command_line import command_line
from zhttp import Handler


async def begin(session):
    session.send({'code': 200, 'reason': 'OK', 'headers': [['Content-Type', 'text/plain']], 'more': True})
    for line in range(1, 4):
        await session.write(f'first: line {line}\n'.encode())
    # From here on the front server sends nothing, and waits up to a minute for the next owner to speak up.
    await second.send_json(await session.hand_off())


async def main():
    global second
    base, link = command_line('handoff_first.py BASE LINK')
    second = zmq.asyncio.Context.instance().socket(zmq.PUSH)
    second.linger = 0
    second.connect(link)
    handler = await Handler.connect(base, begin)
    print('handoff-first is ready', flush=True)
    await handler.run()


asyncio.run(main())
