/** What a program offers to the bench that started it: each call takes one plain value and gives one back. */
export type Offer<T> = { [K in keyof T]: (argument: never) => unknown };

/** The message that calls one function of the offer. */
export interface Question {
  readonly name: string;
  readonly argument: unknown;
}

/** The message that comes back: what the function gave, or why it failed. */
export interface Reply {
  readonly result?: unknown;
  readonly error?: string;
}

/** For the programs: responds to calls of the bench, the other end of `Program`, until the bench ends. */
export function serveCalls<T extends Offer<T>>(offer: T): void {
  const send = (reply: Reply) => process.send?.(reply);
  process.on('message', async ({ name, argument }: Question) => {
    try {
      send({ result: await offer[name as keyof T](argument as never) });
    } catch (error) {
      send({ error: String(error) });
    }
  });
  process.once('disconnect', () => process.exit());
}
