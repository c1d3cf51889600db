import type { PartState, Requester, RequestHead, Responder } from '../exchange/index.ts';

/**
 * Makes the responder of a client that another process had.
 * @param state of the responder there
 * @throws Error when it cannot be made
 */
export type Remake = (state: PartState, request: RequestHead | null, requester: Requester) => Responder;
