import { textError } from './config-error.ts';
import { isPlainText, shown } from './plain-text.ts';
import { suggestion } from './suggest.ts';

/** The TLS of a listener. */
export interface ListenerTls {
  /** Name of the certificate for clients that name no host, or a host without a certificate; null refuses them. */
  readonly defaultCert: string | null;
  /** Certificates are ordered for the hosts of the routes. Absent: they are not. */
  readonly acme?: true;
}

/**
 * The parameters that follow the address of a listener, by name; a switch has an empty value. Throws a `ConfigError`.
 * @param parts the texts between commas
 * @param switches names without a value
 * @param withValue names with one
 */
export function readListenerParameters(
  parts: readonly string[],
  switches: readonly string[],
  withValue: readonly string[],
): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    if (switches.includes(name)) {
      if (equals !== -1) throw textError(`parameter "${name}" takes no value`);
    } else if (!withValue.includes(name)) {
      throw textError(`unknown parameter ${shown(name)}${suggestion(name, [...switches, ...withValue])}`);
    } else if (value === '' || !isPlainText(value)) {
      throw textError(`parameter "${name}" needs a value, as in "${name}=…"`);
    }
    if (parameters.has(name)) throw textError(`parameter "${name}" is given twice`);
    parameters.set(name, value);
  }
  return parameters;
}

/** The parameters that say this of TLS, as `readListenerParameters` takes them. */
export function tlsParameters(tls: ListenerTls): string[] {
  const parameters = ['tls'];
  if (tls.acme) parameters.push('acme');
  if (tls.defaultCert !== null) parameters.push(`default-cert=${tls.defaultCert}`);
  return parameters;
}
