/** Where each role can be reached. */
export interface StartedAddresses {
  readonly clientAddresses: readonly string[];
  readonly controlAddresses: readonly string[];
  readonly edgeAddresses: readonly string[];
  readonly mongrel2Addresses: readonly string[];
  readonly fetchEndpoints: readonly string[];
  readonly frontEndpoints: readonly string[];
  readonly statsAddresses: readonly string[];
  readonly statsEndpoints: readonly string[];
  readonly publishEndpoints: readonly string[];
  readonly stateEndpoints: readonly string[];
}

/** What the log says of a start: where the roles can be reached, those that are there. */
export function startedFields(app: StartedAddresses, fetches: boolean): Record<string, unknown> {
  const stats = [...app.statsAddresses, ...app.statsEndpoints];
  return {
    clients: app.clientAddresses,
    ...(app.frontEndpoints.length > 0 && { zhttp: app.frontEndpoints }),
    publishers: app.controlAddresses,
    ...(app.publishEndpoints.length > 0 && { publish: app.publishEndpoints }),
    ...(app.stateEndpoints.length > 0 && { state: app.stateEndpoints }),
    ...(stats.length > 0 && { stats }),
    edge: app.edgeAddresses,
    ...(app.mongrel2Addresses.length > 0 && { mongrel2: app.mongrel2Addresses }),
    ...(fetches && { fetch: app.fetchEndpoints }),
  };
}
