export { StateClient, type StateClientOptions } from './state-client.ts';
