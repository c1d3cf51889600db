"""Returns the messages of WebSockets: python3 echo.py SEND_SPEC RECV_SPEC"""
from mongrel2 import TEXT, Handler
from specs import specs

handler = Handler(*specs('echo.py'))
handler.wait_until_ready()
print('echo is ready', flush=True)

for event in handler:
    if event.kind == 'handshake':
        handler.accept(event)
    elif event.kind == 'message':
        handler.send(event, event.body.decode() if event.opcode == TEXT else event.body)
    elif event.kind == 'request':
        handler.respond(event, b'Expected a WebSocket.\n', '400 Bad Request')
    elif event.kind == 'disconnect':
        print(f'{event.id} has left', flush=True)
