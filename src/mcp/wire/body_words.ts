/** What a body says that is no JSON-RPC message: its own words, for an error. */

import { excerpt } from "../../excerpt.ts";
import { asObject, isObject } from "../../json.ts";
import type { Redact } from "../../redact/redact.ts";

/** How much of a body's words is told to the client, in characters. */
const SHOWN_CHARACTERS = 300;

/** How much of a body is read for it: a page has its text behind styles. */
const MAX_READ_CHARACTERS = 64 * 1024;

/**
 * The members in which servers say what went wrong: API Gateway and most
 * others, AWS services, Lambda, OAuth, JSON:API and GraphQL, FastAPI, problem
 * details.
 */
const WORDS = [
  "message",
  "Message",
  "errorMessage",
  "error_description",
  "error",
  "errors",
  "detail",
  "title",
];

/**
 * A body's words in one line: an error's message, or the text of a page.
 *
 * @param redact Takes secrets out of them, before they are cut.
 */
export function bodyWords(body: string, redact: Redact): string {
  const text = body.slice(0, MAX_READ_CHARACTERS);
  const words = (jsonWords(text)[0] ?? plainText(text)).replace(/\s+/g, " ");
  return excerpt(redact(words.trim()), SHOWN_CHARACTERS);
}

/** What a JSON text says went wrong; nothing of what is not JSON. */
export function jsonWords(text: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof value === "string") return [value];
  const object = asObject(value);
  return WORDS.flatMap((name) => {
    return [object[name]].flat().flatMap((said) =>
      isObject(said)
        ? [said.message, said.detail, said.msg, said.title, said.code]
        : [said]
    );
  }).filter((said): said is string => typeof said === "string" && said !== "");
}

/** A tag, with what is in it of styles and scripts, or what begins like one. */
const TAG = /<(style|script)\b[^>]*>.*?(?=<\/\1|$)|<[^>]*(>?)/gis;

/** A page without its tags, its styles and its scripts. */
function plainText(page: string): string {
  // A tag that does not end is a sign in a text.
  return page.replace(TAG, (tag, name, end) => name || end ? " " : tag);
}
