import type { FetchPlan } from '../app/index.ts';
import { type Config, ConfigError, mergeCommandLine, parseConfig } from '../config/index.ts';
import { CliError } from './cli-error.ts';

/** Default id of the edge, as in Condure. */
export const DEFAULT_ID = 'condure';

/** Default address for clients, as in Condure. */
export const DEFAULT_LISTEN = '0.0.0.0:8000,stream';

/** The options of `holdfast condure`. Absent ones have their defaults. */
export interface CondureSettings {
  readonly logLevel?: Config['log']['level'];
  readonly drainTimeout?: number | string;
  readonly zserverReq?: readonly string[];
  readonly zserverStream?: readonly string[];
  readonly zserverConnect?: boolean;
  readonly denyOutInternal?: boolean;
  readonly controlPort?: readonly string[];
  /** The other options are keys of `[edge]`, in camelCase, with values as in TOML. */
  readonly [option: string]: unknown;
}

/** The configuration that the options give. */
export interface CondureConfig {
  readonly config: Config;
  /** One plan of outbound requests for each mode, because their bounds differ. */
  readonly fetchPlans: readonly FetchPlan[];
}

/** Bytes of a packet without its body. */
const PACKET_FIELDS_BYTES = 1_048_576;

/** Maximum seconds to connect to an origin. The timeouts of the modes expire first unless they are longer. */
const CONNECT_TIMEOUT = 120;

/** Condure's condition for every timeout. */
const TIMEOUT_CONDITION = 'connection-timeout';

/**
 * The configuration in which only the edge runs, or outbound requests, or both.
 * @throws CliError with exit code 1, as in Condure, that names each option with an invalid value
 */
export function condureConfig(settings: CondureSettings): CondureConfig {
  const { logLevel, drainTimeout, controlPort, ...others } = settings;
  const { zserverReq, zserverStream, zserverConnect, denyOutInternal, ...options } = others;
  const asks = zserverReq !== undefined || zserverStream !== undefined;
  if (zserverConnect !== undefined && !asks) {
    throw new CliError('--zserver-connect: needs --zserver-req or --zserver-stream');
  }
  // With outbound requests alone there are no clients.
  const edge: Record<string, unknown> = { id: DEFAULT_ID, listen: asks ? [] : [DEFAULT_LISTEN] };
  for (const [option, value] of Object.entries(options)) edge[keyOf(option)] = value;
  const fetch = { req: zserverReq, stream: zserverStream, connect: zserverConnect };
  const tables = {
    server: { listen: [], drain_timeout: drainTimeout },
    control: { listen: [] },
    log: { level: logLevel },
  };
  try {
    const config = mergeCommandLine(parseConfig({ ...tables, edge, fetch }), { controlPort });
    return { config, fetchPlans: asks ? plansOf(config, denyOutInternal === true) : [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.issues.map(({ key, message }) => `${optionOf(key, { edge, fetch })}: ${message}`);
    throw new CliError(lines.join('\n'));
  }
}

function plansOf({ edge, fetch }: Config, denyInternal: boolean): FetchPlan[] {
  // One for twenty connections, as in Condure.
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

/** `edge.req_maxconn` is `--req-maxconn`, `edge.listen[1]` the second `--listen`, and `fetch.req` is `--zserver-req`. */
function optionOf(key: string, tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  if (key.startsWith('--')) return key;
  const [, section = '', name = '', index = ''] = /^(\w+)\.(\w+)(.*)$/.exec(key) ?? [];
  const values = tables[section]?.[name];
  const isOnly = Array.isArray(values) && values.length === 1;
  const prefix = section === 'fetch' ? 'zserver-' : '';
  return `--${prefix}${name.replaceAll('_', '-')}${isOnly ? '' : index}`;
}
