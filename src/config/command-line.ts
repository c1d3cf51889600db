import { ConfigError, type ConfigIssue, keyName } from './config-error.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { listenCollisions, type NameOfListener } from './listen-collisions.ts';
import { checkRoutes } from './route.ts';
import { parseRouteLine } from './route-line.ts';
import { routesWithoutState } from './routes-without-state.ts';
import { type Config, sections } from './schema.ts';
import { parseServerListener } from './server-listener.ts';
import { UNTRUSTING, untrustingListener } from './trusted-proxies.ts';

/** Configuration given on the command line. Absent or empty values change nothing. */
export interface CommandLine {
  /** Values of `--port`: listen addresses that replace those of `[server]`. */
  readonly port?: readonly string[] | undefined;
  /** Values of `--control-port`: listen addresses that replace those of `[control]`. A port alone means the loopback interface. */
  readonly controlPort?: readonly string[] | undefined;
  /** Values of `--route`: route lines that replace all routes of the file. */
  readonly routes?: readonly string[] | undefined;
  /** Value of `--log-level`. */
  readonly logLevel?: string | undefined;
}

/** Applies the command line to the configuration. Throws a `ConfigError` that lists every problem. */
export function mergeCommandLine(config: Config, commandLine: CommandLine): Config {
  const { port = [], controlPort = [], routes: lines = [], logLevel } = commandLine;
  const issues: ConfigIssue[] = [];
  const listen = readEach('--port', port, parseServerListener, issues);
  const control = readEach('--control-port', controlPort, parseControlAddress, issues);
  const routes = readEach('--route', lines, parseRouteLine, issues);
  if (routes.length === lines.length) {
    for (const { index, message } of checkRoutes(routes))
      issues.push({ key: optionName('--route', lines, index), line: null, message });
    for (const { index, key, message } of routesWithoutState(config.publish.state, routes))
      issues.push({ key: `${optionName('--route', lines, index)}: ${key}`, line: null, message });
  }
  const level = sections.log.shape.level.safeParse(logLevel ?? config.log.level);
  for (const { message } of level.error?.issues ?? []) issues.push({ key: '--log-level', line: null, message });
  const server = listen.length === 0 ? config.server : { ...config.server, listen };
  const publish = control.length === 0 ? config.control : { ...config.control, listen: control };
  if (listen.length + control.length > 0) {
    const nameOf: NameOfListener = (path) => {
      const [section, , index] = path;
      if (section === 'server' && listen.length > 0) return optionName('--port', port, index);
      if (section === 'control' && control.length > 0) return optionName('--control-port', controlPort, index);
      return keyName(path);
    };
    for (const { path, message } of listenCollisions({ ...config, server, control: publish }, nameOf)) {
      issues.push({ key: nameOf(path), line: null, message });
    }
  }
  const untrusting = untrustingListener(listen, config.server.trustedProxies);
  if (untrusting >= 0) issues.push({ key: optionName('--port', port, untrusting), line: null, message: UNTRUSTING });
  if (issues.length > 0 || !level.success) throw new ConfigError('', issues);
  return {
    ...config,
    server,
    control: publish,
    routes: routes.length === 0 ? config.routes : routes,
    log: { ...config.log, level: level.data },
  };
}

/** Any program that reaches the control port can publish, so a port alone does not mean every interface. */
function parseControlAddress(text: string): ListenAddress {
  return parseListenAddress(/^[0-9]+$/.test(text) ? `127.0.0.1:${text}` : text);
}

/** Parses the values of a repeatable option; a value that cannot be parsed is left out and becomes an issue. */
function readEach<T>(option: string, texts: readonly string[], read: (text: string) => T, issues: ConfigIssue[]): T[] {
  return texts.flatMap((text, index) => {
    try {
      return [read(text)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const name = optionName(option, texts, index);
      // The text is not quoted: a route line may contain a key.
      issues.push(
        ...error.issues.map((issue) => ({ ...issue, key: issue.key === '' ? name : `${name}: ${issue.key}` })),
      );
      return [];
    }
  });
}

function optionName(option: string, texts: readonly string[], index: number): string {
  return texts.length === 1 ? option : `${option}[${index}]`;
}
