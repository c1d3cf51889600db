"""Takes clients over from handoff_first and ends their responses: python3 handoff_second.py BASE LINK"""
import asyncio

import zmq
import zmq.asyncio
from command_line import command_line
from zhttp import Handler


async def go_on(session):
    for line in range(4, 7):
        await session.write(f'second: line {line}\n'.encode())
    session.end()


async def take_over(handler, first):
    while True:
        handler.adopt(await first.recv_json(), go_on)


async def main():
    base, link = command_line('handoff_second.py BASE LINK')
    handler = await Handler.connect(base)  # Takes no requests of its own.
    first = zmq.asyncio.Context.instance().socket(zmq.PULL)
    first.bind(link)
    print('handoff-second is ready', flush=True)
    taking = asyncio.create_task(take_over(handler, first))
    await handler.run()
    taking.cancel()


asyncio.run(main())
