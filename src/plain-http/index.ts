export { beginningOf } from './beginning-of.ts';
export { type SentRequest, sendRequest } from './send-request.ts';
export { withoutControls } from './without-controls.ts';
