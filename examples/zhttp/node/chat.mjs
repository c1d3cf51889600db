// A room in which everybody hears everybody, over WebSocket: node chat.mjs BASE
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

/** Bytes of a message, and how many of them a client can send ahead. */
const MAX_MESSAGE = 1000;
const WINDOW = 2 * MAX_MESSAGE;

const members = new Set();
let joined = 0;

async function chat(session) {
  if (!/^wss?:/.test(session.request.uri)) return session.respond(400, 'Bad Request', 'Expected a WebSocket.\n');
  const name = `guest ${++joined}`;
  session.send({ code: 101, reason: 'Switching Protocols', credits: WINDOW });
  members.add(session);
  try {
    await converse(session, name);
  } finally {
    members.delete(session);
  }
}

async function converse(session, name) {
  let message = Buffer.alloc(0);
  let closing = false;
  for (;;) {
    const { type, body, more, code, 'content-type': kind } = await session.receive();
    if (type === 'close') {
      // The receiver of a `close` sends a `close` back; then the session is over.
      if (!closing) session.send({ type, code });
      return session.finish('closed');
    }
    session.grant(body.length);
    if (closing) continue; // What was under way when the close left.
    if (type === 'ping') await session.post({ type: 'pong', body });
    if (type !== undefined) continue;
    message = Buffer.concat([message, body]);
    if (kind === 'binary' || message.length > MAX_MESSAGE) {
      session.send({ type: 'close', code: kind === 'binary' ? 1003 : 1009 });
      members.delete(session);
      closing = true;
    } else if (!more) {
      await say(`${name}: ${message}`);
      message = Buffer.alloc(0);
    }
  }
}

/** Waits for those who are slow before the speaker can say more; who does not catch up within a second has to leave. */
async function say(text) {
  const slow = await handler.broadcast([...members], { 'content-type': 'text', body: Buffer.from(text) });
  for (const member of slow) member.cancel('too slow');
}

const [base] = commandLine('chat.mjs BASE');
const handler = await Handler.connect(base, chat);
console.log('chat is ready');
