import type { FetchPlan } from '../app/index.ts';
import { type Config, ConfigError, parseConfig } from '../config/index.ts';
import { CliError } from './cli-error.ts';

/** Id of the edge, if none is given: Condure's. */
export const DEFAULT_ID = 'condure';

/** Where clients connect, if nothing else is given: Condure's default. */
export const DEFAULT_LISTEN = '0.0.0.0:8000,stream';

/** What the command line of `holdfast condure` says of the configuration. What is absent has its default. */
export interface CondureSettings {
  readonly logLevel?: Config['log']['level'];
  readonly drainTimeout?: number | string;
  readonly zserverReq?: readonly string[];
  readonly zserverStream?: readonly string[];
  readonly zserverConnect?: boolean;
  readonly denyOutInternal?: boolean;
  /** All others are those of `[edge]`, with keys in camelCase and values as in TOML. */
  readonly [option: string]: unknown;
}

/** What the options come to. */
export interface CondureConfig {
  readonly config: Config;
  /** The outbound requests, for each mode that there is one plan: their bounds are not the same. */
  readonly fetchPlans: readonly FetchPlan[];
}

/** Bytes of a packet beside its body. */
const PACKET_FIELDS_BYTES = 1_048_576;

/** Seconds for a connection to an origin to be made. The time-outs of the modes come first, unless they are longer. */
const CONNECT_TIMEOUT = 120;

/** Condure's word for whatever took too long. */
const TIMEOUT_CONDITION = 'connection-timeout';

/**
 * The configuration in which only the edge runs, or outbound requests, or both.
 * @throws CliError with exit code 1, as Condure has it, that names each option with a wrong value
 */
export function condureConfig(settings: CondureSettings): CondureConfig {
  const { logLevel, drainTimeout, zserverReq, zserverStream, zserverConnect, denyOutInternal, ...options } = settings;
  const asks = zserverReq !== undefined || zserverStream !== undefined;
  if (zserverConnect !== undefined && !asks) {
    throw new CliError('--zserver-connect: needs --zserver-req or --zserver-stream');
  }
  // Whoever only asks for outbound requests has no clients.
  const edge: Record<string, unknown> = { id: DEFAULT_ID, listen: asks ? [] : [DEFAULT_LISTEN] };
  for (const [option, value] of Object.entries(options)) edge[keyOf(option)] = value;
  const fetch = { req: zserverReq, stream: zserverStream, connect: zserverConnect };
  const tables = {
    server: { listen: [], drain_timeout: drainTimeout },
    control: { listen: [] },
    log: { level: logLevel },
  };
  try {
    const config = parseConfig({ ...tables, edge, fetch });
    return { config, fetchPlans: asks ? plansOf(config, denyOutInternal === true) : [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.issues.map(({ key, message }) => `${optionOf(key, { edge, fetch })}: ${message}`);
    throw new CliError(lines.join('\n'));
  }
}

function plansOf({ edge, fetch }: Config, denyInternal: boolean): FetchPlan[] {
  // As many as Condure lets wait: one in twenty.
  const hwm = Math.max(1, Math.floor((edge.reqMaxconn + edge.streamMaxconn) / 20));
  const { id, ipcFileMode, bufferSize, bodyBufferSize, messagesMax, maxHeaders, compression, sessionTimeout } = edge;
  const common: FetchPlan = {
    ...fetch,
    ...{ id, ipcFileMode, bufferSize, messagesMax, maxHeaders, compression, sessionTimeout },
    ...{ inHwm: hwm, outHwm: hwm },
    maxPacketBytes: Math.max(fetch.maxPacketBytes, Math.max(bufferSize, bodyBufferSize) + PACKET_FIELDS_BYTES),
    connectTimeout: CONNECT_TIMEOUT,
    lenientLineEnds: true,
    decompress: false,
    allowInternal: !denyInternal,
    allowIgnorePolicies: true,
    timeoutCondition: TIMEOUT_CONDITION,
    anyFrameSize: true,
    namesText: true,
  };
  const plans: FetchPlan[] = [
    { ...common, req: [], maxOpenRequests: edge.streamMaxconn, timeout: edge.streamTimeout },
    {
      ...common,
      stream: [],
      maxOpenRequests: edge.reqMaxconn,
      maxBodyBytes: bodyBufferSize,
      timeout: 0,
      requestTimeout: edge.reqTimeout,
    },
  ];
  return plans.filter(({ stream, req }) => stream.length > 0 || req.length > 0);
}

/** `reqMaxconn` is `req_maxconn` in TOML. */
function keyOf(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `edge.req_maxconn` is `--req-maxconn`, `edge.listen[1]` the second `--listen`, and `fetch.req` what is called `--zserver-req`. */
function optionOf(key: string, tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  const [, section = '', name = '', index = ''] = /^(\w+)\.(\w+)(.*)$/.exec(key) ?? [];
  const values = tables[section]?.[name];
  const isOnly = Array.isArray(values) && values.length === 1;
  const prefix = section === 'fetch' ? 'zserver-' : '';
  return `--${prefix}${name.replaceAll('_', '-')}${isOnly ? '' : index}`;
}
