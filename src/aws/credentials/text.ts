/**
 * Keys, tokens and regions that cannot be sent: a CR of a Windows file, a byte
 * order mark, a space that nobody sees. `fetch` would refuse the header with an
 * error that names neither the source nor the character.
 */

import { isObject } from "../../json.ts";
import { typeName } from "../../shape/shape.ts";
import type { Search } from "./search.ts";
import type { Credentials } from "./types.ts";

/** What ID, secret and token are called where they are from. */
export type KeyNames = readonly [id: string, secret: string, token: string];

/** Where they have no names of their own. */
const USUAL_NAMES: KeyNames = [
  "the access key ID",
  "the secret access key",
  "the session token",
];

/** Those that people paste without seeing them. */
const CHARACTER_NAMES: { readonly [number: string]: string } = {
  "U+0009": "tab",
  "U+000A": "line feed",
  "U+000D": "carriage return",
  "U+0020": "space",
  "U+00A0": "no-break space",
  "U+200B": "zero width space",
  "U+200C": "zero width non-joiner",
  "U+200D": "zero width joiner",
  "U+2060": "word joiner",
  "U+FEFF": "byte order mark",
};

/** Goes on only if the credentials can stand in HTTP headers. */
export function demandSendable<T extends Credentials>(
  search: Search,
  credentials: T,
  names: KeyNames = USUAL_NAMES,
): T {
  const fault = credentialsFault(credentials, names);
  if (fault === undefined) return credentials;
  throw search.failed(fault);
}

/** What is wrong with credentials that cannot be sent, nothing of them shown. */
export function credentialsFault(
  credentials: Credentials,
  names: KeyNames = USUAL_NAMES,
): string | undefined {
  const fault = typeFault(credentials);
  if (fault !== undefined) return fault;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const faults = [accessKeyId, secretAccessKey, sessionToken]
    .map((text, at) => [names[at], characterFault(text ?? undefined)]);
  return faults.find(([, fault]) => fault !== undefined)?.join(" ");
}

/** A program without types may hand in anything. */
function typeFault(given: unknown): string | undefined {
  if (!isObject(given)) {
    return "they must be an object with accessKeyId and secretAccessKey, not " +
      typeName(given);
  }
  if (!given.accessKeyId || !given.secretAccessKey) {
    return "accessKeyId or secretAccessKey is missing";
  }
  const name = ["accessKeyId", "secretAccessKey", "sessionToken"]
    .find((name) => typeof (given[name] ?? "") !== "string");
  if (name !== undefined) {
    return `${name} must be a string, not ${typeName(given[name])}`;
  }
  const { expiration: end } = given;
  const isEnd = (end ?? undefined) === undefined ||
    end instanceof Date && !Number.isNaN(end.getTime());
  return isEnd
    ? undefined
    : "expiration must be a Date: hand in new Date(…), or leave it out";
}

/**
 * Goes on only if a text is visible ASCII throughout, as keys, tokens and
 * regions are.
 */
export function demandPlain(
  search: Search,
  text: string | undefined,
  name: string,
): void {
  const fault = characterFault(text);
  if (fault !== undefined) throw search.failed(`${name} ${fault}`);
}

/** What is wrong with a text that cannot be sent; completes "the text …". */
function characterFault(text: string | undefined): string | undefined {
  const at = text?.search(/[^\x21-\x7e]/u) ?? -1;
  if (text === undefined || at < 0) return undefined;
  const code = text.codePointAt(at) ?? 0;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const name = CHARACTER_NAMES[number];
  const shown = name === undefined ? number : `${number} (${name})`;
  const length = code > 0xffff ? 2 : 1;
  const place = at === 0
    ? "at its beginning"
    : at + length === text.length
    ? "at its end"
    : `as character ${at + 1}`;
  return `has ${shown} ${place}, which cannot be sent: take it out`;
}
