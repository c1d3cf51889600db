/** Where something stands in a text. Both count from 1; a column is one UTF-16 unit. */
export interface M2shPlace {
  readonly line: number;
  readonly column: number;
}

/** A text that is no m2sh configuration. */
export class M2shError extends Error {
  override readonly name = 'M2shError';
  readonly place: M2shPlace;

  constructor(place: M2shPlace, message: string) {
    super(message);
    this.place = place;
  }
}
