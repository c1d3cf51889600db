"""Downloads into a file, no faster than the file is written: python3 download.py BASE URL FILE"""
import asyncio
import sys

from command_line import command_line
from fetch import Fetch, Gone

WINDOW = 200_000
"""Bytes that may be under way. More of them help over long distances, and cost as much memory."""


async def download(fetch, uri, path):
    session = fetch.open({'method': 'GET', 'uri': uri, 'follow-redirects': True, 'stream': True, 'credits': WINDOW})
    head = await session.receive()
    if head['code'] != 200:
        sys.exit(f'the download failed: {head["code"]} {head["reason"]}')
    with open(path, 'wb') as file:
        async for part in session.parts(head):
            file.write(part)
        return file.tell()


async def main():
    base, uri, path = command_line('download.py BASE URL FILE')
    async with await Fetch.connect(base) as fetch:
        try:
            print(f'{await download(fetch, uri, path)} bytes')
        except (Gone, OSError) as error:
            sys.exit(f'the download failed: {error}')


asyncio.run(main())
