"""Has a webhook delivered, and ends without waiting for the outcome: python3 webhook.py BASE URL TEXT [SECONDS]

A program that subscribes to the address `webhooks`, as monitor.py does, gets the outcome. If no fetcher takes the request for
so many seconds (10), it fails.
"""
import datetime
import sys
import uuid

import zmq
from command_line import command_line
from fetch import fetch_endpoints
from zhttp import write_packet

base, uri, text, seconds = command_line('webhook.py BASE URL TEXT [SECONDS]')
patience = round(float(seconds or 10) * 1000)

context = zmq.Context()
push = context.socket(zmq.PUSH)
push.immediate = True  # It goes to a connection that is there, or it would wait in this process, which is about to end.
push.sndtimeo = push.linger = patience
push.connect(fetch_endpoints(base).requests)
request = {
    'from': 'webhooks',
    'id': str(uuid.uuid4()),
    'seq': 0,
    'method': 'POST',
    'uri': uri,
    'headers': [['Content-Type', 'text/plain; charset=utf-8']],
    'body': text.encode(),
    'timeout': 30_000,  # Milliseconds for the whole request.
    'user-data': {'uri': uri, 'sent': datetime.datetime.now().isoformat()},  # Comes back with every response.
}
try:
    push.send(write_packet(request))
    print(request['id'])
except zmq.Again:
    sys.exit('no fetcher took the webhook')
finally:
    push.close()
    context.term()  # What has not left yet still does.
