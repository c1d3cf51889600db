"""Prints the outcome of requests that no requester waits for: python3 monitor.py BASE [ADDRESS]

ADDRESS is what the senders give as `from`, by default `webhooks`. Any number of monitors may run.
"""
import asyncio
import json

import zmq
import zmq.asyncio
from command_line import command_line
from fetch import connected, fetch_endpoints, read_response

base, address = command_line('monitor.py BASE [ADDRESS]')
address = address or 'webhooks'


def outcome(packet):
    kind = packet.get('type')
    if kind == 'error':
        return f'FAILED: {packet["condition"]}'
    if kind == 'cancel':
        return 'FAILED: cancelled'
    if kind is not None:
        return 'accepted' if packet.get('seq') == 0 else 'still under way'
    return f'{"delivered" if packet["code"] < 400 else "FAILED"}: {packet["code"]} {packet.get("reason", "")}'


async def main():
    subscriber = zmq.asyncio.Context().socket(zmq.SUB)
    subscriber.rcvhwm = 0
    subscriber.subscribe(f'{address} ')
    await connected(subscriber, fetch_endpoints(base).responses)
    print('monitor is ready', flush=True)
    while True:
        packet = read_response(await subscriber.recv())
        print(packet['id'], outcome(packet), json.dumps(packet.get('user-data')), flush=True)


asyncio.run(main())
