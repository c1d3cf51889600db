import { FakeLog } from '../../../support/fake-log.ts';

/** A log that is asked for the fields of its records. */
export class TestLog extends FakeLog {
  /** The fields of all records with this message, oldest first. */
  of(message: string): Record<string, unknown>[] {
    return this.with(message).map(({ fields }) => fields);
  }

  /** Resolves with the fields of the `count`th record with this message, once that has been written. */
  async heard(message: string, count = 1): Promise<Record<string, unknown>> {
    return (await this.until(message, count)).fields;
  }
}
