import { type FieldList, fieldValue } from '../fields/index.ts';

const CONTENT_TYPE = 'content-type';
const INSTRUCT_TYPE = 'application/grip-instruct';
const LETTER_C = 0x63;
const LETTER_G = 0x67;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Whether a response speaks to Holdfast rather than to the client: any field that begins with `Grip-`, or the content type
 * `application/grip-instruct`, names and type in any case. This looks at every response that is proxied, so it allocates nothing.
 */
export function isInstruct(headers: FieldList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    // Most names differ in the first letter; bit 5 is what tells its cases apart.
    const first = name.charCodeAt(0) | 0x20;
    if (first === LETTER_G && startsWith(name, 'grip-')) return true;
    if (first === LETTER_C && isInstructTypeField(name, headers[i + 1] as string)) return true;
  }
  return false;
}

/** Whether the instruct is in the body, as JSON: then nothing is known before the whole body is here. */
export function isInstructBody(headers: FieldList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (isInstructTypeField(headers[i] as string, headers[i + 1] as string)) return true;
  }
  return false;
}

/**
 * How a response asks to be held, as far as its headers alone tell. Null when it does not, when it asks for a mode that there is
 * not, and when only the body will tell.
 */
export function holdModeOf(headers: FieldList): 'response' | 'stream' | null {
  const mode = fieldValue(headers, 'grip-hold');
  if (mode !== 'response' && mode !== 'stream') return null;
  return isInstructBody(headers) ? null : mode;
}

/** A media type compares without regard to case, and its parameters mean nothing here (RFC 9110 §8.3.1). */
function isInstructTypeField(name: string, value: string): boolean {
  if (name.length !== CONTENT_TYPE.length || !startsWith(name, CONTENT_TYPE)) return false;
  if (!startsWith(value, INSTRUCT_TYPE)) return false;
  if (value.length === INSTRUCT_TYPE.length) return true;
  const next = value.charCodeAt(INSTRUCT_TYPE.length);
  return next === SEMICOLON || next === SPACE || next === TAB;
}

/** Whether `text` begins with `lower` in any case; `lower` has no characters but lower-case letters, `-` and `/`. */
function startsWith(text: string, lower: string): boolean {
  if (text.length < lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const code = text.charCodeAt(i);
    const wanted = lower.charCodeAt(i);
    if (code !== wanted && (wanted < 0x61 || (code | 0x20) !== wanted)) return false;
  }
  return true;
}
