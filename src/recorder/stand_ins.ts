/**
 * What stands in a recording for what must not be in it. A stand-in is the same
 * each time, so that one sees what belongs together, and one of a stand-in is
 * itself, so that a replay says the same again.
 */

import { ERROR_CODES } from "../errors.ts";
import { LruCache } from "../lru_cache.ts";
import { expiryInMessage } from "../mcp/transport/session_expiry.ts";
import type { Redact } from "../redact/redact.ts";
import { type Json, JsonObject, parseJson, textOf, writeJson } from "./json.ts";
import { filler, MAX_VALUES, Shown, Values } from "./values.ts";
import {
  DATA,
  FAULT_MEMBERS,
  isKnownName,
  isPlainWord,
  MEMBER_KINDS,
  NAMED,
  SCHEMAS,
} from "./vocabulary.ts";

const OWN_CODES: ReadonlySet<unknown> = new Set(
  Object.values(ERROR_CODES).map(String),
);

const encoder = new TextEncoder();

const BAD_ANSWER = String(ERROR_CODES["bad-answer"]);

/** Too short and too plain to be more than a name. */
const PLAIN_WORD = /^[\w.+/-]{1,64}$/;

/** Puts stand-ins for what must not be seen, in one recording. */
export class StandIns extends Values {
  readonly #bodies: boolean;
  readonly #isNamed: (kind: string, value: string) => boolean;
  /** The names that tools' schemas give to members. */
  readonly #schemaNames = new LruCache<true>(MAX_VALUES);
  readonly #client = new Shown();
  readonly #target = new Shown();

  /**
   * @param redact Takes out what is known to be secret.
   * @param bodies Whether arguments and results stay.
   * @param isNamed Whether an argument names an account or a role.
   */
  constructor(
    redact: Redact,
    bodies: boolean,
    isNamed: (kind: string, value: string) => boolean = () => false,
  ) {
    super(redact);
    this.#bodies = bodies;
    this.#isNamed = isNamed;
  }

  /** What is put into requests, as it stands in them. */
  metadata(
    pairs: readonly (readonly [key: string, value: string])[],
  ): [key: string, value: string][] {
    const _meta = Object.fromEntries(pairs);
    const text = JSON.stringify({ jsonrpc: "2.0", params: { _meta } });
    return Object.entries(JSON.parse(this.fromClient(text)).params._meta);
  }

  /** A line of the client's. */
  fromClient(text: string): string {
    return this.#client.of(text, () => {
      const value = parseJson(text);
      if (value === undefined) return this.#text(text);
      return writeJson(this.#said(value, (one) => this.#datum(one)));
    });
  }

  /**
   * What the target says: JSON, lines of server-sent events, or any text.
   *
   * @param isError Whether it says what is wrong: its words are kept.
   */
  fromTarget(text: string, isError = false): string {
    const json = this.#targetJson(text, isError);
    if (json !== undefined) return json;
    if (/^(?:data|event|id|retry)?:/m.test(text)) return this.#event(text);
    return isError || isFault(text) ? this.words(text) : this.#text(text);
  }

  #targetJson(text: string, isError: boolean): string | undefined {
    const make = (): string => {
      const value = parseJson(text);
      if (value === undefined) return "";
      return writeJson(
        this.#said(
          value,
          (one) =>
            isError || isFault(text) ? this.#fault(one) : this.#datum(one),
        ),
      );
    };
    const shown = isError ? make() : this.#target.of(text, make);
    return shown === "" ? undefined : shown;
  }

  /** The lines of server-sent events. */
  #event(text: string): string {
    const isAddress = /^event: ?endpoint\r?$/m.test(text);
    return text.replaceAll(/[^\r\n]+/g, (line) => {
      const [field, value] = line.split(/: ?(.*)/s);
      const isKnown = /^(?:data|event|id|retry)?$/.test(field);
      const name = isKnown ? field : this.#text(field);
      if (value === undefined) return name;
      return `${name}: ${this.#field(field, value, isAddress)}`;
    });
  }

  #field(name: string, value: string, isAddress: boolean): string {
    if (name === "id") return value === "" ? "" : this.of("event", value);
    if (name === "retry") return /^\d{1,12}$/.test(value) ? value : "";
    if (name === "event") return PLAIN_WORD.test(value) ? value : "message";
    if (isAddress && name === "data") return this.url(value, "session");
    return this.#targetJson(value, false) ?? this.#text(value);
  }

  /** Of a message, of messages, or of what is there in place of one. */
  #said(value: Json, other: (value: Json) => Json): Json {
    if (Array.isArray(value)) return value.map((one) => this.#said(one, other));
    const isMessage = value instanceof JsonObject &&
      (["jsonrpc", "result", "params"].some((name) => value.get(name)) ||
        value.get("id") && value.get("error"));
    return isMessage ? this.#members(value, "") : other(value);
  }

  #members(value: JsonObject, parent: string): Json {
    return this.#each(value, (one, name) => this.#member(name, one, parent));
  }

  #member(name: string, value: Json, parent: string): Json {
    if (name === "error" && parent === "") return this.#rpcError(value);
    if (SCHEMAS.test(name)) this.#record(value);
    if (this.#bodies) return this.#kept(value);
    if (DATA.test(name) && parent !== "") return this.#datum(value);
    if (Array.isArray(value)) {
      return value.map((one) =>
        one instanceof JsonObject
          ? this.#members(one, name)
          : isPlainWord(name, textOf(one) ?? "", parent)
          ? one
          : this.#datum(one)
      );
    }
    if (value instanceof JsonObject) return this.#members(value, name);
    const text = textOf(value);
    const kind = MEMBER_KINDS.get(name);
    if (kind !== undefined && text !== undefined) {
      return quoted(this.of(kind, text));
    }
    const word = text ?? value;
    const isPlain = parent === "" && /^(?:id|jsonrpc|method)$/.test(name) ||
      isPlainWord(name, word, parent) ||
      /^(?:name|version)$/.test(name) && NAMED.test(parent);
    return isPlain ? this.#kept(value) : this.#datum(value);
  }

  /** What a tool's author calls a member is no datum. */
  #record(value: Json): void {
    if (Array.isArray(value)) value.forEach((one) => this.#record(one));
    if (!(value instanceof JsonObject)) return;
    for (const [name, one] of value.members) {
      this.#schemaNames.set(name, true);
      this.#record(one);
    }
  }

  #rpcError(value: Json): Json {
    if (!(value instanceof JsonObject)) return this.#fault(value);
    const code = value.get("code");
    const isOwn = OWN_CODES.has(code);
    return this.#each(value, (one, name) => {
      if (name === "code") return this.#kept(one);
      const text = textOf(one);
      // What stands where a message should may be a result.
      if (code === BAD_ANSWER && name === "message" && text !== undefined) {
        const [own, ...words] = text.split(/(?<=; it says: )/);
        const shown = this.words(own) + this.#text(words.join(""));
        return quoted(shown);
      }
      return name === "message" || isOwn ? this.#fault(one) : this.#datum(one);
    });
  }

  /** What says what is wrong keeps its words. */
  #fault(value: Json): Json {
    if (this.#bodies) return this.#kept(value);
    return this.#walk(value, "", (raw, name) => {
      const text = textOf(raw);
      const known = text && this.nameOf(text);
      if (known) return quoted(known);
      if (name !== "" && !FAULT_MEMBERS.test(name)) return masked(raw);
      if (text !== undefined) return quoted(this.words(text));
      return name === "" ? masked(raw) : raw;
    });
  }

  /** A datum of somebody's: of its form only form and length are left. */
  #datum(value: Json): Json {
    if (this.#bodies) return this.#kept(value);
    return this.#walk(value, "", (raw, name) => {
      const text = textOf(raw);
      const shown = text && this.#identity(name, text);
      return shown ? quoted(shown) : masked(raw);
    });
  }

  /** What stands for an identity, in an argument or wherever it is named. */
  #identity(member: string, text: string): string | undefined {
    const [, kind] = /^aws_(account|role)$/.exec(member) ?? [];
    if (kind !== undefined && this.#isNamed(kind, text)) {
      return this.name(kind, text);
    }
    return this.nameOf(text);
  }

  /** What stays, but for secrets that are known. */
  #kept(value: Json): Json {
    return this.#walk(value, "", (raw, name) => {
      const text = textOf(raw);
      // The proxy makes up some, which a replay has to find.
      const shown = text &&
        (name === "requestState"
          ? this.of("state", text)
          : this.#identity(name, text) ?? this.whole(text));
      return shown === undefined || shown === text ? raw : quoted(shown);
    });
  }

  #walk(
    value: Json,
    name: string,
    leaf: (raw: string, name: string) => string,
  ): Json {
    if (typeof value === "string") return leaf(value, name);
    return Array.isArray(value)
      ? value.map((one) => this.#walk(one, name, leaf))
      : this.#each(value, (one, name) => this.#walk(one, name, leaf));
  }

  #each(value: JsonObject, mask: (value: Json, name: string) => Json): Json {
    const shown = new JsonObject();
    for (const [name, one, raw] of value.members) {
      shown.members.push([name, mask(one, name), this.#name(name, raw)]);
    }
    return shown;
  }

  #name(name: string, raw: string): string {
    if (!this.#bodies) {
      const isKnown = isKnownName(name) ||
        this.#schemaNames.get(name) !== undefined;
      return isKnown ? raw : quoted(this.of("key", name));
    }
    const shown = this.whole(name);
    return shown === name ? raw : quoted(shown);
  }

  #text(text: string): string {
    return this.#bodies ? this.whole(text) : filler(text);
  }
}

/** Whether what is no message tells of a lost session. */
function isFault(text: string): boolean {
  return expiryInMessage(encoder.encode(text)) !== undefined;
}

/** A leaf of which only its form is left. */
function masked(raw: string): string {
  const text = textOf(raw);
  return text === undefined ? raw.replaceAll(/\d/g, "1") : quoted(filler(text));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
