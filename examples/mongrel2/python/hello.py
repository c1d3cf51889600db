"""Answers each request: python3 hello.py SEND_SPEC RECV_SPEC"""
from mongrel2 import Handler
from specs import specs

handler = Handler(*specs('hello.py'))
handler.wait_until_ready()
print('hello is ready', flush=True)

for event in handler:
    if event.kind == 'request':
        address, uri = event.header('REMOTE_ADDR'), event.header('URI')
        body = f'Hello, {address}: you asked for {uri}\n'.encode()
        handler.respond(event, body, headers=[('Content-Type', 'text/plain; charset=utf-8')])
