import { isEventsType } from '../codec/grip/index.ts';
import { setGrip } from './contexts.ts';
import { GripContext, type GripHost } from './grip-context.ts';
import type { GripOptions } from './grip-options.ts';
import { SignatureCheck } from './signature-check.ts';

/** The text for requests that do not come through a proxy, where one is required. */
export const PROXY_REQUIRED = 'This address is only for requests through a GRIP proxy.\n';

/** What the middlewares of all frameworks do. */
export class GripMiddleware {
  readonly #check: SignatureCheck;
  readonly #required: boolean;

  constructor(options: GripOptions) {
    this.#check = new SignatureCheck(options);
    this.#required = options.required ?? false;
  }

  /**
   * Makes the context of a request.
   * @param request the object by which `gripOf` finds it
   * @returns false when the request is to be answered with a 501
   */
  async begin(request: object, host: GripHost): Promise<boolean> {
    const checked = await this.#check.check(host.field('grip-sig'));
    // Events of anybody but the proxy would speak for its clients.
    const events = isEventsType(host.field('content-type'));
    if (!checked.proxied && (this.#required || events)) return false;
    setGrip(request, new GripContext(host, checked));
    return true;
  }
}
