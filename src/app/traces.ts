import { hostname } from 'node:os';
import type { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import { type CounterRegistry, type Current, Holder, type Log, OriginCounters } from '../exchange/index.ts';
import type { Tracing } from '../server/index.ts';
import { Attributes, OtlpExporter, type SpanKind, TraceCounters } from '../trace/index.ts';
import { CollectorPost } from './collector-post.ts';
import { packageVersion } from './package-version.ts';

/** What traces are made with. */
export interface TraceMeans {
  readonly trace: Config['trace'];
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** How one process takes part in traces, and the spans that it sends. */
export class Traces {
  readonly counters = new TraceCounters();
  readonly collectorCounters = new OriginCounters();
  readonly #means: TraceMeans;
  /** Null where no spans are sent. */
  readonly #exporter: OtlpExporter | null;
  readonly #post: CollectorPost | null;
  readonly #holders = new Map<SpanKind, Holder<Tracing | null>>();

  constructor(means: TraceMeans) {
    const { trace, wheel, log } = means;
    const { counters } = this;
    this.#means = means;
    this.#post = trace.otlp === '' ? null : new CollectorPost({ trace, wheel, log, counters: this.collectorCounters });
    this.#exporter =
      this.#post === null
        ? null
        : new OtlpExporter({
            post: this.#post,
            resource: resourceOf(trace),
            version: packageVersion(),
            counters,
            log,
          });
  }

  /** Adds what is counted, where spans are sent. */
  register(registry: CounterRegistry): void {
    if (this.#exporter === null) return;
    registry.add('trace', this.counters);
    registry.add('trace.client', this.collectorCounters);
  }

  /** How servers of this kind take part: null where `traceparent` is a field as any other. */
  of(kind: SpanKind): Current<Tracing | null> {
    const holder = this.#holders.get(kind) ?? new Holder(this.#tracing(this.#means.trace, kind));
    this.#holders.set(kind, holder);
    return holder;
  }

  /** Uses the shares and switches of another configuration. The collector stays until a restart. */
  use(trace: Config['trace']): void {
    for (const [kind, holder] of this.#holders) holder.current = this.#tracing(trace, kind);
  }

  /** Sends the spans that are left. */
  async close(): Promise<void> {
    await this.#exporter?.close();
    this.#post?.close();
  }

  #tracing({ propagate, accept, sample }: Config['trace'], kind: SpanKind): Tracing | null {
    const observer = this.#exporter?.observer(kind) ?? null;
    return propagate || observer !== null ? { accept, sample, observer } : null;
  }
}

/** The process, by the semantic conventions of resources. */
function resourceOf({ serviceName }: Config['trace']): string {
  const all = new Attributes();
  all.string('service.name', serviceName === '' ? 'holdfast' : serviceName);
  all.string('service.version', packageVersion());
  all.string('service.instance.id', `${hostname()}:${process.pid}`);
  all.string('host.name', hostname());
  all.int('process.pid', process.pid);
  all.string('process.runtime.name', 'nodejs');
  all.string('process.runtime.version', process.versions.node);
  return all.text;
}
