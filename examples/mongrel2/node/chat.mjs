// The chat that Mongrel2 was shown with, over WebSocket: node chat.mjs SEND_SPEC RECV_SPEC
import { Mongrel2Handler } from 'holdfast/mongrel2';
import { specs } from './specs.mjs';

/** Characters of a name, and of what is said at once. */
const MAX_NAME = 40;
const MAX_TEXT = 1000;

const handler = new Mongrel2Handler(specs('chat.mjs'));
handler.ready().then(() => console.log('chat is ready'));

/** The names of those who have joined, by the server and its connection. */
const users = new Map();

for await (const event of handler) {
  const key = `${event.uuid} ${event.id}`;
  if (event.kind === 'handshake') {
    handler.accept(event);
  } else if (event.kind === 'message') {
    const data = parse(event);
    if (data?.type === 'join' && !users.has(key)) join(key, event, data.user);
    else if (data?.type === 'msg' && users.has(key)) say(users.get(key).name, data.msg);
  } else if (event.kind === 'disconnect') {
    leave(key);
  } else if (event.kind === 'request') {
    handler.respond(event, { status: 400, body: 'Expected a WebSocket.\n' });
  }
}

/** A JSON text, or undefined for anything else. */
function parse({ text, body }) {
  try {
    return text ? JSON.parse(body) : undefined;
  } catch {
    return undefined;
  }
}

/** What a client calls a text may be anything: String() throws for some objects. */
function asText(value) {
  return typeof value === 'string' ? value : '';
}

function join(key, { uuid, id }, user) {
  const name = asText(user).trim().slice(0, MAX_NAME) || `guest ${id}`;
  tellAll({ type: 'join', user: name });
  users.set(key, { uuid, id, name });
  const names = [...users.values()].map((each) => each.name);
  handler.send({ uuid, id }, JSON.stringify({ type: 'userList', users: names }));
}

function say(user, msg) {
  const text = asText(msg).slice(0, MAX_TEXT);
  if (text.trim() !== '') tellAll({ type: 'msg', user, msg: text });
}

function leave(key) {
  const user = users.get(key);
  if (user === undefined) return;
  users.delete(key);
  tellAll({ type: 'leave', user: user.name });
}

/** One message for all clients of each server. */
function tellAll(data) {
  const text = JSON.stringify(data);
  const servers = new Map();
  for (const { uuid, id } of users.values()) servers.set(uuid, [...(servers.get(uuid) ?? []), id]);
  for (const [uuid, ids] of servers) handler.send({ uuid, ids }, text);
}
