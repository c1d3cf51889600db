import { type Guarded, guarded } from '../clock/index.ts';
import type { NodeCalls } from '../cluster/index.ts';
import { countsSchema, idsSchema, receiversQuestionSchema } from '../control/index.ts';
import { type FaultReport, reportFault } from '../exchange/index.ts';
import type { KnownReceivers, ReceivedFormats } from '../hub/index.ts';
import type { HubCommands } from './publishing.ts';

/** Items of one question for receivers: a channel of a cluster has a name of at most 1,000 bytes. */
const ITEMS = 256;

/** Stands for a format that an item has. */
const PRESENT = {};

/** What publishers ask and command where there are other nodes: it concerns the clients of all. */
export class ClusterCommands implements HubCommands, Guarded {
  readonly #own: () => HubCommands;
  readonly #repeats: KnownReceivers;
  readonly #calls: NodeCalls;
  readonly #report: FaultReport;

  /**
   * @param own what publishers of this node publish to, now
   * @param repeats knows the items of this node, where they are brought into order
   */
  constructor(own: () => HubCommands, repeats: KnownReceivers, calls: NodeCalls, report: FaultReport) {
    this.#own = own;
    this.#repeats = repeats;
    this.#calls = calls;
    this.#report = report;
    calls.handle('held', (input) => this.#answerHeld(input));
    calls.handle('refresh', (input) => this.#answerRefresh(input));
    calls.handle('receivers', (input) => this.#answerReceivers(input));
    calls.handle('recover', () => {
      own().recover();
      return null;
    });
  }

  recover(): void {
    this.#own().recover();
    this.#calls.notify('recover');
  }

  /** @param done is told, too, which nodes have not answered */
  countReceivers(
    items: readonly ReceivedFormats[],
    done: (counts: readonly number[], missing?: readonly string[]) => void,
  ): void {
    const known = items.map((item) => this.#repeats.of(item));
    const others = this.#othersReceive(items.filter((_, i) => known[i] === null));
    // Repeats get the count of all nodes, so this node must not note its own.
    const counted = items.map((item, i) => (known[i] === null ? { ...item, extras: null } : item));
    this.#own().countReceivers(counted, (own) => {
      const finish = guarded(this, ({ counts, missing }: Awaited<typeof others>) => {
        const rest = counts[Symbol.iterator]();
        const totals = items.map((item, i) => {
          const here = own[i] ?? 0;
          return known[i] ?? this.#repeats.note(item, here + (rest.next().value ?? 0));
        });
        done(totals, missing);
      });
      void others.then(finish);
    });
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.#own().findHeld(ids, (own) => {
      const held = new Set(own);
      const others = [...ids].filter((id) => !held.has(id));
      if (others.length === 0) {
        done(own);
        return;
      }
      const finish = guarded(this, ({ values }: { readonly values: readonly (readonly string[])[] }) => {
        for (const id of values.flat()) if (ids.has(id)) held.add(id);
        done([...held]);
      });
      void this.#calls.ask('held', others, (value) => idsSchema.safeParse(value).data ?? null).then(finish);
    });
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.#own().refresh(id, (found) => {
      if (found) {
        done(true);
        return;
      }
      const finish = guarded(this, ({ values }: { readonly values: readonly boolean[] }) =>
        done(values.includes(true)),
      );
      void this.#calls.ask('refresh', { id }, (value) => (typeof value === 'boolean' ? value : null)).then(finish);
    });
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  /** How many clients of other nodes each item goes to. */
  async #othersReceive(
    items: readonly ReceivedFormats[],
  ): Promise<{ readonly counts: readonly number[]; readonly missing: readonly string[] }> {
    const counts: number[] = [];
    const missing = new Set<string>();
    for (let from = 0; from < items.length; from += ITEMS) {
      const some = items.slice(from, from + ITEMS);
      const answers = await this.#calls.ask('receivers', some.map(outlineOf), (value) => {
        const { data } = countsSchema.safeParse(value);
        return data?.length === some.length ? data : null;
      });
      for (const name of answers.missing) missing.add(name);
      for (let i = 0; i < some.length; i++) counts.push(answers.values.reduce((sum, each) => sum + (each[i] ?? 0), 0));
    }
    return { counts, missing: [...missing] };
  }

  #answerHeld(input: unknown): Promise<readonly string[]> | undefined {
    const { data: ids } = idsSchema.safeParse(input);
    if (ids === undefined) return undefined;
    return new Promise((resolve) => this.#own().findHeld(new Set(ids), resolve));
  }

  #answerRefresh(input: unknown): Promise<boolean> | undefined {
    const { id } = (input ?? {}) as { readonly id?: unknown };
    if (typeof id !== 'string') return undefined;
    return new Promise((resolve) => this.#own().refresh(id, resolve));
  }

  #answerReceivers(input: unknown): Promise<readonly number[]> | undefined {
    const { data: items } = receiversQuestionSchema.safeParse(input);
    if (items === undefined) return undefined;
    const asked = items.map(({ channel, response, stream, webSocket }): ReceivedFormats => {
      const formats = {
        httpResponse: formatOf(response),
        httpStream: formatOf(stream),
        wsMessage: formatOf(webSocket),
      };
      // Whether it is a repeat is known to the node that asks.
      return { channel, id: null, ...formats };
    });
    return new Promise((resolve) => this.#own().countReceivers(asked, resolve));
  }
}

/** What other nodes need to know of an item to count who gets it. */
function outlineOf({ channel, httpResponse, httpStream, wsMessage }: ReceivedFormats) {
  return { channel, response: httpResponse !== null, stream: httpStream !== null, webSocket: wsMessage !== null };
}

function formatOf(has: boolean): object | null {
  return has ? PRESENT : null;
}
