// Downloads into a file, no faster than the file is written: node download.mjs BASE URL FILE
import { open } from 'node:fs/promises';
import { commandLine } from './command-line.mjs';
import { Fetch } from './fetch.mjs';

const [base, uri, path] = commandLine('download.mjs BASE URL FILE');

/** Bytes that may be under way. More of them help over long distances, and cost as much memory. */
const WINDOW = 200_000;

async function download(fetch) {
  const session = fetch.open({ method: 'GET', uri, 'follow-redirects': true, stream: true, credits: WINDOW });
  const head = await session.receive();
  if (head.code !== 200) throw new Error(`${head.code} ${head.reason}`);
  const file = await open(path, 'w');
  try {
    let size = 0;
    for await (const part of session.parts(head)) {
      await file.appendFile(part);
      size += part.length;
    }
    return size;
  } finally {
    await file.close();
  }
}

const fetch = await Fetch.connect(base);
try {
  console.log(`${await download(fetch)} bytes`);
} catch (error) {
  console.error(`the download failed: ${error.message}`);
  process.exitCode = 1;
}
await fetch.close();
