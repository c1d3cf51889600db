/** Attributes of a span or resource, as OTLP's JSON has them, put together as text: an object for each would cost more than the span. */
export class Attributes {
  text = '';

  /** Adds text. What is empty is left out. */
  string(key: string, value: string): void {
    if (value !== '') this.#add(key, `{"stringValue":${JSON.stringify(shortened(value))}}`);
  }

  /** Adds a whole number, which JSON of protobuf writes as text. */
  int(key: string, value: number): void {
    this.#add(key, `{"intValue":"${Math.round(value)}"}`);
  }

  /** Adds a number. */
  double(key: string, value: number): void {
    this.#add(key, `{"doubleValue":${value}}`);
  }

  #add(key: string, value: string): void {
    this.text += `${this.text === '' ? '' : ','}{"key":"${key}","value":${value}}`;
  }
}

/** Characters of one text that are exported. Collectors cut longer ones too. */
const MAX_TEXT = 1_024;

function shortened(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}
