/**
 * What stands in a recording for what must not be in it. A stand-in is the same
 * each time, so that one sees what belongs together, and one of a stand-in is
 * itself, so that a replay says the same again.
 */

import { ERROR_CODES } from "../errors.ts";
import { Recent } from "../lru_cache.ts";
import { Redactor } from "../redact/redact.ts";
import type { Redact } from "../redact/redact.ts";
import { type Json, JsonObject, readJson, textOf, writeJson } from "./json.ts";
import {
  DATA,
  FAULT_MEMBERS,
  HEADER_KINDS,
  isKnownName,
  MEMBER_KINDS,
  NAMED,
  PLAIN_HEADERS,
  PLAIN_MEMBERS,
  SCHEMAS,
  SECRET_KINDS,
} from "./vocabulary.ts";

/** How many values have a stand-in; the oldest go first. */
const MAX_VALUES = 10_000;

/** How many texts are remembered, and how long they may be. */
const MAX_SHOWN = 512;
const MAX_SHOWN_LENGTH = 16 * 1024;

/** How much of an error's words is kept. */
const MAX_WORDS = 1_000;

/** What the redactor takes at once. */
const PART = 8 * 1024;

const OWN_CODES: ReadonlySet<unknown> = new Set(
  Object.values(ERROR_CODES).map(String),
);

const BAD_ANSWER = String(ERROR_CODES["bad-answer"]);

/** Too short and too plain to be more than a name. */
const PLAIN_WORD = /^[\w.+/-]{1,64}$/;

/** Of so many headers it is known what stood in them last. */
const MAX_HEADERS = 256;

/** Accounts are numbers, and these are of nobody. */
const ACCOUNT = 100_000_000_000;

const HASH = /^(?:[0-9a-f]{64}|x{64})$/;

/** Puts stand-ins for what must not be seen, in one recording. */
export class StandIns {
  readonly #redact: Redact;
  readonly #bodies: boolean;
  readonly #isNamed: (kind: string, value: string) => boolean;
  /** What names identities, and what stands for it. */
  readonly #names = new Map<string, string>();
  #anyName: RegExp | undefined;
  readonly #known = new Recent<string>(MAX_VALUES);
  readonly #counts = new Map<string, number>();
  /** The names that tools' schemas give to members. */
  readonly #schemaNames = new Recent<true>(MAX_VALUES);
  /** What had a stand-in may be in a text that is looked at when it is over. */
  readonly #passed = new Redactor();
  /**
   * What was shown in place of a text. Much is seen twice, as it came and as it
   * went, and a text that is shown once more tells no more than it did.
   */
  readonly #shown = {
    words: new Recent<string>(MAX_SHOWN),
    client: new Recent<string>(MAX_SHOWN),
    target: new Recent<string>(MAX_SHOWN),
  };
  /** What stood last in a header: most of them say the same each time. */
  readonly #headers = new Map<string, { value: string; shown: string }>();

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
    this.#redact = (text) => this.#passed.redact(redact(this.#renamed(text)));
    this.#bodies = bodies;
    this.#isNamed = isNamed;
  }

  /** The stand-in of what names an identity, wherever it stands from now on. */
  name(kind: string, value: string): string {
    const shown = this.of(kind, value);
    if (this.#names.get(value) === shown) return shown;
    this.#names.set(value, shown);
    this.#shown.words = new Recent(MAX_SHOWN);
    const longest = [...this.#names.keys()]
      .toSorted((one, other) => other.length - one.length)
      .map((name) => RegExp.escape(name));
    this.#anyName = new RegExp(
      String.raw`(?<![\w-])(?:${longest.join("|")})(?![\w-])`,
      "g",
    );
    return shown;
  }

  #renamed(text: string): string {
    if (this.#anyName === undefined) return text;
    return text.replaceAll(
      this.#anyName,
      (name) => this.#names.get(name) ?? name,
    );
  }

  /** What is put into requests, as it stands in them. */
  metadata(
    pairs: readonly (readonly [key: string, value: string])[],
  ): [key: string, value: string][] {
    const _meta = Object.fromEntries(pairs);
    const text = JSON.stringify({ jsonrpc: "2.0", params: { _meta } });
    return Object.entries(JSON.parse(this.fromClient(text)).params._meta);
  }

  /** The stand-in of a value: `session-1` for the first session. */
  of(kind: string, value: string): string {
    const isOwn = kind === "account"
      ? `${ACCOUNT}`.startsWith(value.slice(0, 8)) && value.length === 12
      : value.startsWith(`${kind}-`) && /^\w+-\d{1,6}$/.test(value);
    if (isOwn) return value;
    const key = `${kind} ${value}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = kind === "account" ? `${ACCOUNT + count}` : `${kind}-${count}`;
    this.#known.set(key, name);
    if (SECRET_KINDS.test(kind)) this.#passed.add(value);
    return name;
  }

  /** Words that are no datum: kept, without what is known to be secret. */
  words(text: string): string {
    return this.#once("words", text, () => {
      const isLong = text.length > MAX_WORDS;
      const shown = this.#redact(isLong ? text.slice(0, MAX_WORDS) : text);
      return isLong ? `${shown}…` : shown;
    });
  }

  header(name: string, value: string): string {
    const last = this.#headers.get(name);
    if (last?.value === value) return last.shown;
    const shown = this.#header(name, value);
    // Names may be anybody's, too.
    if (this.#headers.size < MAX_HEADERS) {
      this.#headers.set(name, { value, shown });
    } else if (last) Object.assign(last, { value, shown });
    return shown;
  }

  #header(name: string, value: string): string {
    if (name === "authorization") return this.#authorization(value);
    // Of what was said, it would tell whether it was this.
    if (name === "x-amz-content-sha256" && HASH.test(value)) {
      return filler(value);
    }
    if (name === "location") return this.url(value);
    if (name === "mcp-name") {
      return /^[\w.-]{1,64}$/.test(value) ? this.words(value) : filler(value);
    }
    if (PLAIN_HEADERS.test(name)) return this.words(value);
    return this.of(HEADER_KINDS.get(name) ?? "value", value);
  }

  /** AWS's scope is no secret, and says what is wrong with many a signature. */
  #authorization(value: string): string {
    const [, algorithm, key, scope] =
      /^(AWS4-[A-Z0-9-]{1,40}) Credential=([^/,\s]+)\/([\w/-]{1,200})/.exec(
        value,
      ) ?? [];
    if (algorithm === undefined) return this.of("value", value);
    return `${algorithm} ${this.of("identity", key)}/${scope}`;
  }

  /** A URL without the values of its query. */
  url(text: string): string {
    const [path, query] = text.split(/\?(.*)/s);
    if (query === undefined) return this.words(path);
    const pairs = query.split("&").map((pair) => {
      const [name, value] = pair.split(/=(.*)/s);
      return value === undefined
        ? this.of("value", name)
        : `${name}=${this.of("value", value)}`;
    });
    return this.words(`${path}?${pairs.join("&")}`);
  }

  /** A line of the client's. */
  fromClient(text: string): string {
    return this.#once("client", text, () => {
      const value = readJson(text);
      if (value === undefined) return this.#text(text);
      return writeJson(this.#said(value, (one) => this.#datum(one)));
    });
  }

  #once(
    from: "words" | "client" | "target",
    text: string,
    make: () => string,
  ): string {
    const known = this.#shown[from].get(text);
    if (known !== undefined) return known;
    const shown = make();
    if (text.length <= MAX_SHOWN_LENGTH) {
      this.#shown[from].set(text, shown, shown.length);
    }
    return shown;
  }

  /**
   * What the target says: JSON, lines of server-sent events, or any text.
   *
   * @param isError Whether it says what is wrong: its words are kept.
   */
  fromTarget(text: string, isError = false): string {
    const json = this.#targetJson(text);
    if (json !== undefined) return json;
    if (/^(?:data|event|id|retry)?:/m.test(text)) return this.#event(text);
    return isError ? this.words(text) : this.#text(text);
  }

  #targetJson(text: string): string | undefined {
    const shown = this.#once("target", text, () => {
      const value = readJson(text);
      if (value === undefined) return "";
      return writeJson(this.#said(value, (one) => this.#fault(one)));
    });
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
    if (name !== "data") return this.#text(value);
    if (isAddress) return this.url(value);
    return this.#targetJson(value) ?? this.#text(value);
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
    if (SCHEMAS.test(name)) this.#learn(value);
    if (this.#bodies) return this.#kept(value);
    if (DATA.test(name) && parent !== "") return this.#datum(value);
    if (Array.isArray(value)) {
      return value.map((one) =>
        one instanceof JsonObject ? this.#members(one, name) : this.#datum(one)
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
      PLAIN_MEMBERS.test(name) && PLAIN_WORD.test(word) ||
      /^(?:name|version)$/.test(name) && NAMED.test(parent);
    return isPlain ? this.#kept(value) : this.#datum(value);
  }

  /** What a tool's author calls a member is no datum. */
  #learn(value: Json): void {
    if (Array.isArray(value)) value.forEach((one) => this.#learn(one));
    if (!(value instanceof JsonObject)) return;
    for (const [name, one] of value.members) {
      this.#schemaNames.set(name, true);
      this.#learn(one);
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
      const known = text && this.#names.get(text);
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
    return this.#names.get(text);
  }

  /** What stays, but for secrets that are known. */
  #kept(value: Json): Json {
    return this.#walk(value, "", (raw, name) => {
      const text = textOf(raw);
      const shown = text && (this.#identity(name, text) ?? this.#whole(text));
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
    const shown = this.#whole(name);
    return shown === name ? raw : quoted(shown);
  }

  #text(text: string): string {
    return this.#bodies ? this.#whole(text) : filler(text);
  }

  /**
   * Of any length, while the redactor cuts what is long. No secret has a blank
   * in it, so that a text is parted there; what has none is left out.
   */
  #whole(text: string): string {
    if (text.length <= MAX_WORDS) return this.words(text);
    let shown = "";
    for (let at = 0; at < text.length;) {
      const part = text.slice(at, at + PART);
      const isLast = at + part.length === text.length;
      const end = isLast ? part.length : part.search(/\s\S*$/) + 1;
      const [run] = end === 0 ? /^\S+/.exec(text.slice(at)) ?? [""] : [""];
      shown += end === 0 ? filler(run) : this.#redact(part.slice(0, end));
      at += end === 0 ? run.length : end;
    }
    return shown;
  }
}

/** A leaf of which only its form is left. */
function masked(raw: string): string {
  const text = textOf(raw);
  return text === undefined ? raw.replaceAll(/\d/g, "1") : quoted(filler(text));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** As long as the text, and nothing of it but its lines. */
export function filler(text: string): string {
  if (!/[\r\n\ufffd]/.test(text)) return "x".repeat(text.length);
  return text.replaceAll(/[^\r\n\ufffd]/g, "x");
}
