import type { ExchangeRecord, PartState, Requester, Responder } from '../exchange/index.ts';

/**
 * Makes the responder of a client that another process had.
 * @param state of the responder there
 * @param record takes notes of what becomes of the exchange; null for nobody
 * @throws Error when it cannot be made
 */
export type Remake = (state: PartState, requester: Requester, record: ExchangeRecord | null) => Responder;
