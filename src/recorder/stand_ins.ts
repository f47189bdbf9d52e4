/**
 * What stands in a recording for what must not be in it. A stand-in is the same
 * each time, so that one sees what belongs together, and one of a stand-in is
 * itself, so that a replay says the same again.
 */

import { ERROR_CODES } from "../errors.ts";
import { Recent } from "../lru_cache.ts";
import { isObject } from "../mcp/wire/message.ts";
import type { Redact } from "../redact/redact.ts";

/** How many values have a stand-in; the oldest go first. */
const MAX_VALUES = 10_000;

/** How many texts are remembered, and how long they may be. */
const MAX_SHOWN = 128;
const MAX_SHOWN_LENGTH = 16 * 1024;

/** How much of an error's words is kept. */
const MAX_WORDS = 1_000;

const OWN_CODES: ReadonlySet<unknown> = new Set(Object.values(ERROR_CODES));

/** Headers whose values say how HTTP or MCP is spoken, and nothing else. */
const PLAIN_HEADERS =
  /^(?:accept|accept-encoding|cache-control|connection|content-(?:encoding|length|type)|date|mcp-(?:method|protocol-version)|retry-after|server|transfer-encoding|vary|via|www-authenticate|x-amz-date|x-amzn-errortype|x-amzn-requestid)$/;

/** What stands for the values of other headers begins so. */
const HEADER_KINDS: ReadonlyMap<string, string> = new Map([
  ["cookie", "cookie"],
  ["set-cookie", "cookie"],
  ["last-event-id", "event"],
  ["mcp-session-id", "session"],
  ["x-amz-security-token", "token"],
]);

/** Names of members that are MCP's, whose values are words of MCP's. */
const PLAIN_MEMBERS: ReadonlySet<string> = new Set([
  "io.modelcontextprotocol/logLevel",
  "io.modelcontextprotocol/protocolVersion",
  "level",
  "mimeType",
  "progressToken",
  "protocolVersion",
  "requestId",
  "role",
  "status",
  "type",
  "x-mcp-header",
]);

/** Of what a name is plain: of tools and programs, not of files. */
const NAMED: ReadonlySet<string> = new Set([
  "clientInfo",
  "params",
  "prompts",
  "serverInfo",
  "tools",
  "io.modelcontextprotocol/clientInfo",
]);

/** What is the client's and the target's own, down to the last word. */
const FOREIGN: ReadonlySet<string> = new Set([
  "arguments",
  "contents",
  "messages",
  "structuredContent",
]);

/** Members of an object that is no message, which say what is wrong. */
const FAULT_MEMBERS =
  /^(?:__type|code|error\w*|(?:error)?message|reason|status|type)$/i;

/** A name of a member that somebody gave to a field, and no datum. */
const FIELD_NAME = /^[A-Za-z_$][\w$./-]{0,63}$/;

/** Too short and too plain to be more than a name. */
const PLAIN_WORD = /^[\w.+/-]{1,64}$/;

/** Puts stand-ins for what must not be seen, in one recording. */
export class StandIns {
  readonly #redact: Redact;
  readonly #bodies: boolean;
  readonly #known = new Recent<string>(MAX_VALUES);
  readonly #counts = new Map<string, number>();
  /** What passes is, as a rule, seen twice: as it came and as it went. */
  readonly #shown = new Recent<string>(MAX_SHOWN);

  /**
   * @param redact Takes out what is known to be secret.
   * @param bodies Whether arguments and results stay.
   */
  constructor(redact: Redact, bodies: boolean) {
    this.#redact = redact;
    this.#bodies = bodies;
  }

  /** The stand-in of a value: `session-1` for the first session. */
  of(kind: string, value: string): string {
    if (new RegExp(`^${kind}-\\d{1,6}$`).test(value)) return value;
    const key = `${kind} ${value}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = `${kind}-${count}`;
    this.#known.set(key, name);
    return name;
  }

  /** Words that are no datum: kept, without what is known to be secret. */
  words(text: string): string {
    const isLong = text.length > MAX_WORDS;
    const shown = this.#redact(isLong ? text.slice(0, MAX_WORDS) : text);
    return isLong ? `${shown}…` : shown;
  }

  header(name: string, value: string): string {
    if (name === "authorization") return this.#authorization(value);
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
      return value === undefined ? name : `${name}=${this.of("value", value)}`;
    });
    return this.words(`${path}?${pairs.join("&")}`);
  }

  /** A line of the client's. */
  fromClient(text: string): string {
    return this.#once(`< ${text}`, () => {
      const value = parsed(text);
      if (value === undefined) return this.#text(text);
      return JSON.stringify(this.#value(value, (one) => this.#datum(one)));
    });
  }

  #once(key: string, make: () => string): string {
    const known = this.#shown.get(key);
    if (known !== undefined) return known;
    const shown = make();
    if (key.length <= MAX_SHOWN_LENGTH) this.#shown.set(key, shown);
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
    const shown = this.#once(`> ${text}`, () => {
      const value = parsed(text);
      if (value === undefined) return "";
      return JSON.stringify(this.#value(value, (one) => this.#fault(one)));
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
  #value(value: unknown, other: (value: unknown) => unknown): unknown {
    if (Array.isArray(value)) {
      return value.map((one) => this.#value(one, other));
    }
    const isMessage = isObject(value) &&
      ("jsonrpc" in value || "result" in value || "params" in value ||
        "id" in value && "error" in value);
    return isMessage ? this.#members(value, "") : other(value);
  }

  #members(value: Record<string, unknown>, parent: string): unknown {
    return this.#fields(value, (one, name) => this.#member(name, one, parent));
  }

  #member(name: string, value: unknown, parent: string): unknown {
    if (name === "error" && parent === "") return this.#rpcError(value);
    if (this.#bodies) return this.#kept(value);
    if (FOREIGN.has(name) && parent !== "") return this.#datum(value);
    if (typeof value === "string" || typeof value === "number") {
      const isPlain = parent === "" && /^(?:id|jsonrpc|method)$/.test(name) ||
        PLAIN_MEMBERS.has(name) && PLAIN_WORD.test(String(value)) ||
        /^(?:name|version)$/.test(name) && NAMED.has(parent);
      return isPlain ? this.#kept(value) : this.#datum(value);
    }
    if (Array.isArray(value)) {
      return value.map((one) =>
        isObject(one) ? this.#members(one, name) : this.#datum(one)
      );
    }
    return isObject(value) ? this.#members(value, name) : value;
  }

  #rpcError(value: unknown): unknown {
    if (!isObject(value)) return this.#fault(value);
    const isOwn = OWN_CODES.has(value.code);
    return this.#fields(value, (one, name) => {
      if (name === "code") return one;
      if (isOwn) return this.#kept(one);
      return name === "message" ? this.#fault(one) : this.#datum(one);
    });
  }

  /** What says what is wrong keeps its words. */
  #fault(value: unknown): unknown {
    if (this.#bodies) return this.#kept(value);
    if (Array.isArray(value)) return value.map((one) => this.#fault(one));
    if (typeof value === "string") return this.words(value);
    if (!isObject(value)) return this.#datum(value);
    return this.#fields(value, (one, name) => {
      if (isObject(one)) return this.#fault(one);
      if (!FAULT_MEMBERS.test(name)) return this.#datum(one);
      return typeof one === "number" ? one : this.#fault(one);
    });
  }

  #fields(
    value: Record<string, unknown>,
    mask: (value: unknown, name: string) => unknown,
  ): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(value).map((
        [name, one],
      ) => [this.#name(name), mask(one, name)]),
    );
  }

  /** A datum of somebody's: of its form only form and length are left. */
  #datum(value: unknown): unknown {
    if (this.#bodies) return this.#kept(value);
    if (typeof value === "string") return filler(value);
    if (typeof value === "number") {
      return Number(String(value).replaceAll(/\d/g, "1"));
    }
    if (Array.isArray(value)) return value.map((one) => this.#datum(one));
    if (!isObject(value)) return value;
    return this.#fields(value, (one) => this.#datum(one));
  }

  /** What stays, but for secrets that are known. */
  #kept(value: unknown): unknown {
    if (typeof value === "string") return this.#whole(value);
    if (Array.isArray(value)) return value.map((one) => this.#kept(one));
    if (!isObject(value)) return value;
    return this.#fields(value, (one) => this.#kept(one));
  }

  #name(name: string): string {
    if (this.#bodies) return this.#whole(name);
    return FIELD_NAME.test(name) ? this.#redact(name) : this.of("key", name);
  }

  #text(text: string): string {
    return this.#bodies ? this.#whole(text) : filler(text);
  }

  /**
   * Of any length, while the redactor cuts what is long. No secret has a blank
   * in it, so that a text is parted there; what has none is left out.
   */
  #whole(text: string): string {
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

/** What the redactor takes at once. */
const PART = 8 * 1024;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As long as the text, and nothing of it but its lines. */
function filler(text: string): string {
  return text.replaceAll(/[^\r\n]/g, "x");
}
