import { listMembers, nameIs } from '../codec/fields/index.ts';
import type { HeaderList } from '../exchange/index.ts';

/**
 * The fields of an origin's response that are for the client: without those of the connection between the two (RFC 9110 §7.6.1).
 * Connection, Keep-Alive and the framing fields are the writer's to replace.
 */
export function endToEndHeaders(headers: HeaderList, status: number): HeaderList {
  let dropped: string[] | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    switch (name.length) {
      case 2:
        if (nameIs(name, 'te')) dropped = [...(dropped ?? []), 'te'];
        break;
      case 7:
        // Trailer fields are not passed on, so none are announced.
        // A 426 says by Upgrade what the client may use instead (RFC 9110 §15.5.22).
        if ((nameIs(name, 'upgrade') && status !== 426) || nameIs(name, 'trailer'))
          dropped = [...(dropped ?? []), name.toLowerCase()];
        break;
      case 10: {
        if (!nameIs(name, 'connection')) break;
        const value = (headers[i + 1] as string).toLowerCase();
        if (value !== 'keep-alive' && value !== 'close')
          dropped = [
            ...(dropped ?? []),
            ...listMembers([value]).filter((option) => status !== 426 || option !== 'upgrade'),
          ];
        break;
      }
      case 16:
        if (nameIs(name, 'proxy-connection')) dropped = [...(dropped ?? []), 'proxy-connection'];
        break;
    }
  }
  if (dropped === null) return headers;
  const result: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!dropped.includes(name.toLowerCase())) result.push(name, headers[i + 1] as string);
  }
  return result;
}
