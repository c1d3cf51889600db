import { useState } from 'preact/hooks';
import type { Status } from '../api/types.ts';
import { bytes, compact, count, duration, plain, rate, span, text, visible } from '../live/format.ts';
import type { Model } from '../live/model.ts';
import { serverTime } from '../live/server-time.ts';
import { MetricCard } from '../parts/metric-card.tsx';
import { ViewHead } from '../parts/panel.tsx';
import { State } from '../parts/state.tsx';

/** Minutes that the plots can show. */
const SPANS = [1, 5, 15];

/** How the server is, and has been for some minutes. */
export function Overview({ model, status }: { model: Model; status: Status }) {
  const [minutes, setMinutes] = useState(5);
  // A page that has just been opened has little to show, and shows it large.
  const known = Math.max(1, Math.ceil(model.history.age / 60));
  const shared = { history: model.history, span: Math.min(minutes, known) * 60, tick: status.uptime };
  const seconds = (value: number) => text(duration(value));
  return (
    <>
      <ViewHead title="Overview">
        <fieldset class="choice">
          <legend class="unseen">Time shown</legend>
          {SPANS.map((choice) => (
            <label key={choice}>
              <input type="radio" name="span" checked={choice === minutes} onChange={() => setMinutes(choice)} />
              <span>{choice} min</span>
            </label>
          ))}
        </fieldset>
      </ViewHead>
      <Facts status={status} />
      <div class="cards">
        <MetricCard
          {...shared}
          title="Connections"
          lines={[
            { metric: 'connections', name: 'open' },
            { metric: 'held', name: 'held' },
          ]}
          show={plain}
          mark={compact}
        />
        <MetricCard
          {...shared}
          title="Requests"
          lines={[{ metric: 'requests', name: '' }]}
          show={rate}
          mark={compact}
        />
        <MetricCard
          {...shared}
          title="Published"
          lines={[{ metric: 'published', name: '' }]}
          show={rate}
          mark={compact}
        />
        <MetricCard
          {...shared}
          title="Delivered"
          lines={[{ metric: 'delivered', name: '' }]}
          show={rate}
          mark={compact}
        />
        <MetricCard
          {...shared}
          title="Delivery latency"
          lines={[
            { metric: 'latencyP99', name: 'p99' },
            { metric: 'latencyP50', name: 'p50' },
          ]}
          show={duration}
          mark={seconds}
        />
        <MetricCard
          {...shared}
          title="Event-loop lag"
          lines={[
            { metric: 'loopP99', name: 'p99' },
            { metric: 'loopP50', name: 'p50' },
          ]}
          show={duration}
          mark={seconds}
        />
        <MetricCard
          {...shared}
          title="Memory"
          lines={[
            { metric: 'rss', name: 'resident' },
            { metric: 'heap', name: 'heap' },
          ]}
          show={bytes}
          mark={(value) => text(bytes(value))}
        />
        <OpenFiles status={status} />
      </div>
    </>
  );
}

function Facts({ status }: { status: Status }) {
  const { version, uptime, channels, workers, roles, node, pid } = status;
  const facts: readonly (readonly [string, string])[] = [
    ['Version', version],
    ['Up for', span(uptime)],
    ['Channels', count(channels)],
    ['Roles', roles.join(', ') || 'none'],
    ['Workers', workers > 0 ? count(workers) : 'none'],
    ['Process', `${pid}, Node ${node.replace(/^v/, '')}`],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      <NextExpiry status={status} />
    </dl>
  );
}

/** The certificate that expires first. */
function NextExpiry({ status }: { status: Status }) {
  if (status.nextExpiry === null) return null;
  const { certificate, expires, soon } = status.nextExpiry;
  const left = (Date.parse(expires) - serverTime(status)) / 1_000;
  const when = left <= 0 ? 'has expired' : `expires in ${span(left)}`;
  return (
    <div>
      <dt>Next certificate</dt>
      <dd title={expires}>
        {visible(certificate)} {soon ? <State tone={left <= 0 ? 'bad' : 'wait'}>{when}</State> : when}
      </dd>
    </div>
  );
}

/** Part of the open files from which on it is time to act. */
const NARROW = 0.8;

function OpenFiles({ status: { openFiles } }: { status: Status }) {
  const { used, limit } = openFiles;
  if (used === null || limit === null) return null;
  const narrow = used / limit > NARROW;
  return (
    <section class="card" aria-labelledby="open-files">
      <div class="card-head">
        <h2 id="open-files">Open files</h2>
        <span class="aside">of {count(limit)}</span>
      </div>
      <p class="figures">
        <span class="figure">{count(used)}</span>
      </p>
      <meter class={narrow ? 'narrow' : ''} min={0} max={limit} value={used} aria-labelledby="open-files">
        {count(used)} of {count(limit)}
      </meter>
      <p class="note">
        {narrow
          ? 'Nearly all are in use. Raise the limit (LimitNOFILE, ulimit -n) before connections are refused.'
          : `Room for about ${count(limit - used)} more connections.`}
      </p>
    </section>
  );
}
