import type { Route } from '../../config/index.ts';

/** How JSONP requests are read. */
export interface JsonpSettings {
  /** Whether the callback gets an object with status and header, instead of the body alone. */
  readonly extended: boolean;
  /** Query parameter that names the callback. */
  readonly callbackParameter: string;
  /** Query parameter that holds a request body in JSON; empty: `_body` holds one of any type. */
  readonly bodyParameter: string;
  /** Callback of requests that have a body and name none; empty for none. */
  readonly defaultCallback: string;
  /** Method of requests that name none. */
  readonly defaultMethod: string;
}

/** The settings of a route, which are those of Pushpin's conditions. */
export function jsonpSettings({ jsonpMode, jsonpCb, jsonpBody, jsonpDefcb, jsonpDefmethod }: Route): JsonpSettings {
  const extended = jsonpMode === 'extended';
  return {
    extended,
    callbackParameter: jsonpCb || 'callback',
    bodyParameter: jsonpBody,
    defaultCallback: jsonpDefcb,
    defaultMethod: jsonpDefmethod || (extended ? 'GET' : 'POST'),
  };
}

/** The settings of requests without a route. */
export const DEFAULT_JSONP: JsonpSettings = {
  extended: true,
  callbackParameter: 'callback',
  bodyParameter: '',
  defaultCallback: '',
  defaultMethod: 'GET',
};
