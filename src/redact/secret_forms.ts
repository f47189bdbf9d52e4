/**
 * The forms in which a secret may stand in a text.
 *
 * @module
 */

import { fullyDecoded } from "./decoded_text.ts";
import {
  alphanumeric,
  BEGINNING,
  literal,
  MIN_LENGTH,
  Needle,
} from "./secret_index.ts";

const encoder = new TextEncoder();

/** The forms in which a secret is looked for: eight at most. */
const FORMS: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encoder.encode(secret).toHex(),
  // As some programs write bytes: `[119,74,97]`.
  (secret) => encoder.encode(secret).join(),
  // Where a text around it is encoded, too, it begins anywhere in three bytes.
  (secret) => base64Within(secret, 0),
  (secret) => base64Within(secret, 1),
  (secret) => base64Within(secret, 2),
];

/**
 * What a secret is found by.
 *
 * @param secret The secret.
 * @param shown What is shown in its place.
 * @returns A needle for each form that is long enough to tell.
 */
export function needlesOf(secret: string, shown: string): Needle[] {
  const beginning = secret.slice(0, BEGINNING);
  const needles = FORMS.map((form) =>
    needleOf(() => form(secret), form(beginning), shown)
  );
  const end = reversed(secret.slice(-BEGINNING));
  needles.push(needleOf(() => reversed(secret), end, shown));
  const decoded = fullyDecoded(secret);
  if (decoded !== secret) {
    needles.push(needleOf(() => decoded, decoded.slice(0, BEGINNING), shown));
  }
  return needles.filter(({ head }) => head.length >= MIN_LENGTH);
}

/** By letters and digits alone, where there are enough of them. */
function needleOf(
  form: () => string,
  beginning: string,
  shown: string,
): Needle {
  const needle = new Needle(form, { beginning, shown, folding: alphanumeric });
  return needle.head.length >= MIN_LENGTH
    ? needle
    : new Needle(form, { beginning, shown, folding: literal });
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

/** The part of the Base64 of a longer text that a secret in it decides. */
function base64Within(secret: string, before: number): string {
  const bytes = encoder.encode("\0".repeat(before) + secret);
  const first = Math.ceil(before * 8 / 6);
  return bytes.toBase64().slice(first, Math.floor(bytes.length * 8 / 6));
}
