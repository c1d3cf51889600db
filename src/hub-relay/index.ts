export { HubLink } from './hub-link.ts';
export { HubRelay, type HubRelayOptions } from './hub-relay.ts';
