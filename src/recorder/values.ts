/** Stand-ins of values: the same each time, and of a stand-in it is itself. */

import { excerpt } from "../excerpt.ts";
import { LruCache } from "../lru_cache.ts";
import { type Redact, Redactor } from "../redact/redact.ts";
import { HEADER_KINDS, PLAIN_HEADERS, SECRET_KINDS } from "./vocabulary.ts";

/** How many values have a stand-in; the oldest go first. */
export const MAX_VALUES = 10_000;

/** How many names of identities that calls named are looked for. */
const MAX_NAMES = 256;

/** How many texts are remembered, and how long they may be. */
const MAX_SHOWN = 512;
const MAX_SHOWN_LENGTH = 16 * 1024;

/** How much of an error's words is kept. */
const MAX_WORDS = 1_000;

/** What the redactor takes at once. */
const PART = 8 * 1024;

/** Of so many headers it is known what stood in them last. */
const MAX_HEADERS = 256;

/** Accounts are numbers, and these are of nobody. */
const ACCOUNT = 100_000_000_000;

/** Where words name an account, and who of it, or a profile. */
const OWNER =
  /(?<=^|%3a|[^\da-z-])\d{12}(?![\da-z-])(?::(assumed-role|federated-user|role|user)\/([\w+=,.@/-]*[\w+=@-]))?/gi;
const PROFILE = /(?<=profile ")[^"]+(?=")|(?<=\bthere are: )[^();]+/g;

/** What an error quotes of an argument. */
const ARGUMENT = /(?<=, got ")[^"]*/g;

/** What of a path is no name that somebody gave a thing. */
const OPAQUE = /^(?=.*\d)[\w.~-]{16,}$/;

const HASH = /^(?:[0-9a-f]{64}|x{64})$/;

/** What is shown of a signature. */
const SIGNED =
  /^(AWS4-[A-Z0-9-]{1,40}) Credential=([^/,\s]+)\/([\w/-]{1,200}),/;

/** What is shown of a header, where the rest of it makes no difference. */
export function shownPart(name: string, value: string): string | undefined {
  if (name === "authorization") return SIGNED.exec(value)?.[0];
  const isHash = name === "x-amz-content-sha256" && HASH.test(value);
  return isHash ? "" : undefined;
}

/**
 * What was shown in place of a text. Much is seen twice, as it came and as it
 * went, and a text that is shown once more tells no more than it did.
 */
export class Shown {
  readonly #texts = new LruCache<string>(MAX_SHOWN);

  of(text: string, make: () => string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const shown = make();
    if (text.length <= MAX_SHOWN_LENGTH) {
      this.#texts.set(text, shown, shown.length);
    }
    return shown;
  }
}

/** Puts stand-ins for values, in one recording. */
export class Values {
  readonly #redact: Redact;
  readonly #known = new LruCache<string>(MAX_VALUES);
  readonly #counts = new Map<string, number>();
  /** What had a stand-in may be in a text that is looked at when it is over. */
  readonly #passed = new Redactor();
  /** What names identities, and what stands for it. */
  readonly #names = new Map<string, string>();
  /** Of these, the first so many are never forgotten. */
  #ownNames = Infinity;
  #anyName: RegExp | undefined;
  #shown = new Shown();
  /** What stood last in a header: most of them say the same each time. */
  readonly #headers = new Map<string, { value: string; shown: string }>();

  /** @param redact Takes out what is known to be secret. */
  constructor(redact: Redact) {
    this.#redact = (text) => this.#passed.redact(redact(this.#renamed(text)));
  }

  /** The stand-in of what names an identity, wherever it stands from now on. */
  name(kind: string, value: string): string {
    const shown = this.of(kind, value);
    if (this.#names.has(value)) return shown;
    this.#names.set(value, shown);
    const [oldest] = this.#names.keys().drop(this.#ownNames);
    const count = this.#names.size - this.#ownNames;
    if (count > MAX_NAMES) this.#names.delete(oldest);
    this.#anyName = undefined;
    this.#shown = new Shown();
    return shown;
  }

  /** Forgets none of the names there are, however many come. */
  keepNames(): void {
    this.#ownNames = this.#names.size;
  }

  /** What the path of the target has in it may be seen. */
  keepPath(path: string): void {
    for (const one of opaqueParts(path)) this.#names.set(one, one);
  }

  /** What a stand-in of a kind stands for, if it does. */
  valueOf(kind: string, shown: string): string | undefined {
    for (const [key, value] of this.#known.entries()) {
      if (value === shown) return key.slice(kind.length + 1);
    }
  }

  /** What stands for a text, if that is such a name. */
  nameOf(text: string): string | undefined {
    return this.#names.get(text);
  }

  #renamed(text: string): string {
    if (this.#names.size === 0) return text;
    this.#anyName ??= anyOf([...this.#names.keys()]);
    return text.replaceAll(
      this.#anyName,
      (name) => this.#names.get(name) ?? name,
    );
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
    return this.#shown.of(`words ${text}`, () => {
      // No secret that is cut off is found.
      const shown = this.#ownerless(this.#redact(text.slice(0, PART)));
      return excerpt(shown, MAX_WORDS);
    });
  }

  #ownerless(text: string): string {
    const list = (of: string, kind: string, sign: string) =>
      of.split(sign).map((name) => this.of(kind, name)).join(sign);
    return text
      .replaceAll(OWNER, (all, kind?: string, path?: string) => {
        const account = this.of("account", all.slice(0, 12));
        return path ? `${account}:${kind}/${list(path, "role", "/")}` : account;
      })
      .replaceAll(PROFILE, (names) => list(names, "profile", ", "))
      .replaceAll(ARGUMENT, filler);
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
    if (name === "location") return this.url(value, "value");
    if (name === "mcp-name") {
      return /^[\w.-]{1,64}$/.test(value) ? this.words(value) : filler(value);
    }
    if (PLAIN_HEADERS.test(name)) return this.words(value);
    return this.of(HEADER_KINDS.get(name) ?? "value", value);
  }

  /** AWS's scope is no secret, and says what is wrong with many a signature. */
  #authorization(value: string): string {
    const [, algorithm, key, scope] = SIGNED.exec(value) ?? [];
    if (algorithm === undefined) return this.of("value", value);
    return `${algorithm} ${this.of("identity", key)}/${scope}`;
  }

  /**
   * A URL without the values of its query.
   *
   * @param opaque What a part of its path is, if the target has made it up.
   */
  url(text: string, opaque?: string): string {
    const [address] = text.replace(/\/\/[^/?#]*@/, "//").split("#");
    const [path, query] = address.split(/\?(.*)/s);
    if (opaque !== undefined) {
      for (const one of opaqueParts(path)) this.name(opaque, one);
    }
    if (query === undefined) return this.words(path);
    const pairs = query.split("&").map((pair) => {
      const [name, value] = pair.split(/=(.*)/s);
      return value === undefined
        ? this.of("value", name)
        : `${name}=${this.of("value", value)}`;
    });
    return this.words(`${path}?${pairs.join("&")}`);
  }

  /**
   * Of any length, while the redactor cuts what is long. No secret has a blank
   * in it, so that a text is parted there; what has none is left out.
   */
  whole(text: string): string {
    if (text.length <= MAX_WORDS) {
      return this.#shown.of(`whole ${text}`, () => this.#redact(text));
    }
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

/** Finds any of some names, as a word. */
function anyOf(names: readonly string[]): RegExp {
  const longest = names.toSorted((one, other) => other.length - one.length);
  const any = longest.map((name) => RegExp.escape(name)).join("|");
  return new RegExp(String.raw`(?<![\w-])(?:${any})(?![\w-])`, "g");
}

function opaqueParts(path: string): string[] {
  return path.split("/").filter((part) => OPAQUE.test(part));
}

/** As long as the text, and nothing of it but its lines. */
export function filler(text: string): string {
  if (!/[\r\n\ufffd]/.test(text)) return "x".repeat(text.length);
  return text.replaceAll(/[^\r\n\ufffd]/g, "x");
}
