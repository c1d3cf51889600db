/** What a program offers to the bench that started it: each call takes one plain value and gives one back. */
export type Offer<T> = { [K in keyof T]: (argument: never) => unknown };

/** The message that calls one function of the offer. */
export interface Question {
  readonly name: string;
  readonly argument: unknown;
}

/** The message that comes back: what the function gave, or why it failed. */
export interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}

/** For the programs: responds to calls of the bench, the other end of `Program`, until the bench ends. */
export function answerCalls<T extends Offer<T>>(offer: T): void {
  const reply = (answer: Answer) => process.send?.(answer);
  process.on('message', async ({ name, argument }: Question) => {
    try {
      reply({ result: await offer[name as keyof T](argument as never) });
    } catch (error) {
      reply({ error: String(error) });
    }
  });
  process.once('disconnect', () => process.exit());
}
