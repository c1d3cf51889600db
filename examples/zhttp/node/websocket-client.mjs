// Sends each line of its input to a WebSocket server, and prints what comes back: node websocket-client.mjs BASE URL
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine } from './command-line.mjs';
import { Fetch } from './fetch.mjs';

const [base, uri] = commandLine('websocket-client.mjs BASE URL');

/** Bytes of a message, and bytes that the server can send ahead. */
const MAX_MESSAGE = 100_000;
const WINDOW = 2 * MAX_MESSAGE;

/** Milliseconds without a message after which nothing more is expected once the input has ended. */
const QUIET = 1000;

let closing = false;
/** When something last came from the server. */
let heard = Date.now();

function close(session, code) {
  if (!closing) session.send({ type: 'close', code });
  closing = true;
}

async function speak(session) {
  for await (const line of createInterface({ input: process.stdin })) {
    await session.post({ 'content-type': 'text', body: line });
    heard = Date.now();
  }
  // A pipe ends before the server has replied to what it brought: messages that come behind a close would be lost.
  while (Date.now() - heard < QUIET) await delay(QUIET / 10);
  close(session, 1000);
}

async function listen(session) {
  let message = Buffer.alloc(0);
  for (;;) {
    const { type, body, more, code } = await session.receive();
    heard = Date.now();
    if (type === 'close') {
      close(session, code); // The receiver of a close sends a close back; then the session is over.
      session.finish('closed');
      return console.log(`closed: ${code}`);
    }
    session.pay(body.length);
    if (type === 'ping') await session.post({ type: 'pong', body });
    if (type !== undefined) continue;
    message = Buffer.concat([message, body]);
    if (message.length > MAX_MESSAGE) throw new Error('a message is too long');
    if (more) continue;
    console.log(`> ${message}`);
    message = Buffer.alloc(0);
  }
}

const fetch = await Fetch.connect(base);
const session = fetch.open({ method: 'GET', uri, credits: WINDOW });
try {
  await session.receive(); // It is accepted, or this throws.
  console.log('connected');
  speak(session).catch(() => {}); // Ends with the session.
  await listen(session);
} catch (error) {
  console.error(`failed: ${error.message} ${error.packet?.code ?? ''}`);
  process.exitCode = 1;
}
await fetch.close();
process.exit(); // The input may still be open.
