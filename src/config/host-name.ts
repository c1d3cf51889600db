import { textError } from './config-error.ts';

/** What `parseHostName` takes. */
export const HOST_NAME_FORMS = 'host names, or "*"';

/**
 * A host name in lower case, or `*`.
 * @throws TextError for anything else
 */
export function parseHostName(text: string): string {
  if (text !== '*' && !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text)) {
    throw textError(`'${text}' is not a host name: give it without scheme and port`);
  }
  return text.toLowerCase();
}
