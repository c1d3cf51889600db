// Holds every client that sends a GET, and sends all of them each line that is posted: node hold.mjs BASE
//
//   curl -N http://localhost:8000/               holds
//   curl -d 'hello' http://localhost:8000/       sends a line to all who are held
//
// One packet carries the line to up to 128 clients. A client that has not taken the earlier lines, and does not within a second, is
// dropped, so that one slow client cannot keep the line from the others.
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

/** Maximum bytes of a line. It must not exceed the credits that a front server grants, or no client could take it. */
const MAX_LINE = 4096;

const held = new Set();

async function onSession(session) {
  if (session.request.method === 'GET') await hold(session);
  else if (session.request.method === 'POST') await publish(session);
  else await session.respond(405, 'Method Not Allowed', 'GET holds, POST sends a line.\n');
}

async function hold(session) {
  await session.post({
    code: 200,
    reason: 'OK',
    headers: [['Content-Type', 'text/plain; charset=utf-8']],
    body: 'welcome\n',
    more: true,
  });
  held.add(session);
  try {
    await session.gone();
  } finally {
    held.delete(session);
  }
}

async function publish(session) {
  const line = await session.readBody(MAX_LINE - 1);
  if (line === null) return session.respond(413, 'Content Too Large', `At most ${MAX_LINE - 1} bytes.\n`);
  const clients = [...held];
  const slow = await handler.broadcast(clients, { body: Buffer.concat([line, Buffer.from('\n')]), more: true });
  for (const client of slow) client.cancel('too slow');
  await session.respond(200, 'OK', `sent to ${clients.length - slow.length}, dropped ${slow.length}\n`);
}

const [base] = commandLine('hold.mjs BASE');
const handler = await Handler.connect(base, onSession);
console.log('hold is ready');
