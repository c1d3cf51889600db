/** How many connections are opened at a time: well below the backlog of the servers. */
const PARALLEL = 100;
/** How long nothing may get ready before it is given up, in milliseconds. */
const STALLED_MS = 10_000;

/** Opens `count` connections, some at a time, and resolves when all are ready. Rejects with the first failure, and when it stalls. */
export async function openMany(count: number, open: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let ready = 0;
  const worker = async () => {
    while (next < count) {
      await open(next++);
      ready++;
    }
  };
  let watch: NodeJS.Timeout | undefined;
  const stall = new Promise<never>((_, reject) => {
    let last = -1;
    watch = setInterval(() => {
      if (ready === last) reject(new Error(`only ${ready} of ${count} connections got their response`));
      last = ready;
    }, STALLED_MS);
  });
  try {
    await Promise.race([Promise.all(Array.from({ length: Math.min(PARALLEL, count) }, worker)), stall]);
  } finally {
    clearInterval(watch);
  }
}
