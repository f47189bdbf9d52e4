/**
 * Keeps secrets out of what people and programs read: log lines, errors.
 *
 * @module
 */

/**
 * Replaces what must not be seen in a text.
 *
 * @example
 * ```ts
 * import { type Redact, Redactor } from "@scope/sigv4-proxy";
 *
 * const redactor = new Redactor();
 * redactor.addCredential("wJalrXUtnFEMI/K7MDENG");
 * const redact: Redact = redactor.redact;
 * if (redact("key wJalrXUtnFEMI/K7MDENG!").includes("wJalr")) {
 *   throw new Error("no text shows it");
 * }
 * ```
 */
export type Redact = (text: string) => string;

/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** Secrets shorter than this are not replaced: they would garble every text. */
const MIN_SECRET_LENGTH = 8;

/** A value this long is a secret even if it is nothing but letters. */
const SURE_LENGTH = 16;

/** How many secrets of a kind are remembered; the oldest go first. */
const MAX_SECRETS = 256;

/** How much of a long secret's beginning is taken for the secret. */
const HEAD_LENGTH = 24;

// `=` as JSON, URLs and HTML have it, and quotes, at most a few in a row.
const GAP = String
  .raw`(?:["'=:>\s]|\\|u003d|%(?:25){0,3}(?:3d|3a|22|20)|&#x0{0,4}3d;|&#0{0,4}61;|&quot;)`;

// Signatures are computed per request, so they are known by their place and
// form: v4 is 64 hex digits, v4a a DER signature of up to 72 bytes in hex. One
// that is cut short is still told from the 40 digits of a Git commit.
const SIGNATURE = new RegExp(
  `(signature${GAP}{1,8}?)[0-9a-f]{8,}|[0-9a-f]{48,}`,
  "gi",
);
// A session token in an echoed header or query, whosever it is.
const TOKEN =
  /(x-amz-security-token["'\\]{0,8}[ \t]{0,8}(?:[=:]|%(?:25){0,3}3d|\\{1,3}u003d|&#x3d;)[ \t]{0,8}["'\\]{0,8})[^\s"'&,;]{16,}/gi;
// AWS Identity and Access Management User Guide, "IAM identifiers": the prefix
// of a user's and of a session's access key ID.
const ACCESS_KEY_ID = /A[KS]IA[A-Z0-9]{12,124}/g;

/** Values of headers and cookies that everybody may see. */
const NO_SECRET =
  /^(?:(?:application|audio|font|image|model|multipart|text|video)\/[\w.+*-]+(?:\s*[;,].*)?|https?:\/\/[^?#@]*)$/i;

/** A secret, and how it is found. */
interface Entry {
  readonly secret: string;
  readonly shown: string;
  /** What is in every form of it: a text without it needs no closer look. */
  readonly anchor: string;
  /** Made when it is first wanted: a cookie may come and go unseen. */
  pattern?: RegExp;
  /** How often it was added and not removed. */
  uses: number;
}

/**
 * Remembers the secrets in use (keys, tokens, session IDs) and replaces them,
 * and every signature, in a text, however they are escaped and where a long one
 * is cut short. Access key IDs are masked.
 *
 * @example
 * ```ts
 * import { Redactor } from "@scope/sigv4-proxy";
 *
 * // Handed to a signed fetch and to the proxy, it learns their secrets itself.
 * const redactor = new Redactor();
 * redactor.addSetting("Bearer 0a1b2c3d4e5f6a7b8c9d");
 * const line = redactor.redact("sent 0a1b2c3d4e5f6a7b8c9d to the target");
 * if (line !== "sent [redacted] to the target") throw new Error(line);
 * ```
 */
export class Redactor {
  /** Longest first: a secret may be a part of another. */
  readonly #entries: Entry[] = [];
  readonly #credentials = new Map<string, Entry>();
  /** What comes and goes must not push the credentials out. */
  readonly #passing = new Map<string, Entry>();
  readonly #others = new Set<Redactor>();

  /**
   * Remembers a value that may be secret and may be forgotten: a session's ID,
   * a cookie. One that looks like a word or a media type is let be.
   */
  add(value: string | undefined): void {
    if (value !== undefined && looksSecret(value)) {
      this.#remember(this.#passing, value, REDACTED);
    }
  }

  /** Remembers a value of the configuration: a header's, a query's. */
  addSetting(value: string): void {
    // RFC 9110, section 11.4: the scheme, then the credentials.
    const [, credentials] = /^[\w-]+ +(\S+)$/.exec(value) ?? [];
    for (const part of [value, credentials]) {
      if (part !== undefined && looksSecret(part)) this.addCredential(part);
    }
  }

  /** Replaces what another one knows, too, until it is told to leave it. */
  join(other: Redactor): void {
    if (other !== this) this.#others.add(other);
  }

  /** No longer replaces what another one knows. */
  leave(other: Redactor): void {
    this.#others.delete(other);
  }

  /** Remembers what is certainly a secret. */
  addCredential(secret: string | undefined): void {
    if (secret !== undefined && secret.length >= MIN_SECRET_LENGTH) {
      this.#remember(this.#credentials, secret, REDACTED);
    }
  }

  /** Remembers an access key ID, which is masked. */
  addAccessKeyId(accessKeyId: string): void {
    if (accessKeyId.length < MIN_SECRET_LENGTH) return;
    const shown = maskAccessKeyId(accessKeyId);
    this.#remember(this.#credentials, accessKeyId, shown);
  }

  /**
   * Takes back one {@linkcode Redactor.add}. A value that was added for another
   * reason too stays: a cookie may repeat the session's ID.
   */
  remove(value: string): void {
    const known = this.#passing.get(value);
    if (known === undefined || --known.uses > 0) return;
    this.#forget(this.#passing, value);
  }

  #remember(pool: Map<string, Entry>, secret: string, shown: string): void {
    const known = pool.get(secret);
    if (known !== undefined) {
      known.uses++;
      pool.delete(secret);
      pool.set(secret, known);
      return;
    }
    const anchor = anchorOf(secret);
    const entry: Entry = { secret, shown, anchor, uses: 1 };
    pool.set(secret, entry);
    this.#entries.splice(this.#place(secret.length), 0, entry);
    for (const oldest of pool.keys()) {
      if (pool.size <= MAX_SECRETS) break;
      this.#forget(pool, oldest);
    }
  }

  #forget(pool: Map<string, Entry>, secret: string): void {
    const entry = pool.get(secret);
    if (entry === undefined) return;
    pool.delete(secret);
    const at = this.#entries.indexOf(entry, this.#place(secret.length));
    this.#entries.splice(at, 1);
  }

  /** Where the first entry is that is not longer than this. */
  #place(length: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle].secret.length > length) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The text with each secret, token and signature replaced. */
  redact: Redact = (text) => {
    text = this.#replaceEntries(text);
    for (const other of this.#others) text = other.#replaceEntries(text);
    return text
      .replace(SIGNATURE, (_match, before = "") => before + REDACTED)
      .replace(TOKEN, (_match, before) => before + REDACTED)
      .replace(ACCESS_KEY_ID, maskAccessKeyId);
  };

  #replaceEntries(text: string): string {
    for (const entry of this.#entries) {
      if (!text.includes(entry.anchor)) continue;
      entry.pattern ??= patternOf(entry.secret);
      text = text.replace(entry.pattern, () => entry.shown);
    }
    return text;
  }
}

/** Whether a value is more than a word, an address or a media type. */
function looksSecret(value: string): boolean {
  if (value.length < MIN_SECRET_LENGTH || NO_SECRET.test(value)) return false;
  return value.length >= SURE_LENGTH ||
    (/\d/.test(value) && /[^\d.,:/ -]/.test(value));
}

/** How much of a secret, cut short, is still taken for it. */
function headLength({ length }: string): number {
  return length < 12 ? length : Math.min(HEAD_LENGTH, Math.ceil(length * 0.75));
}

/** The longest part of the head that has one form alone. */
function anchorOf(secret: string): string {
  const head = secret.slice(0, headLength(secret));
  return head.split(/[^\w.~-]/).reduce((a, b) => b.length > a.length ? b : a);
}

/** Finds a secret in its forms, and its beginning with what follows. */
function patternOf(secret: string): RegExp {
  const length = headLength(secret);
  const head = [...secret.slice(0, length)].map(characterPattern).join("");
  const rest = [...secret.slice(length)].map(characterPattern).join("");
  const tail = rest === "" ? "" : String.raw`(?:${rest}|[\w+/=%.~\\&#;-]*)`;
  return new RegExp(head + tail, "g");
}

const NAMED: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
};

/** A character as it is, and as URLs, JSON, HTML and XML have it. */
function characterPattern(character: string): string {
  const literal = character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  if (/[\w.~-]/.test(character)) return literal;
  const code = character.codePointAt(0) ?? 0;
  const hex = anyCase(code.toString(16));
  const bytes = [...new TextEncoder().encode(character)]
    .map((byte) => `%(?:25){0,3}${anyCase(hexOf(byte, 2))}`).join("");
  const forms = [
    String.raw`\\{0,3}${literal}`,
    bytes,
    String.raw`\\{1,3}u${anyCase(hexOf(code, 4))}`,
    `&#[xX]0{0,4}${hex};`,
    `&#0{0,4}${code};`,
  ];
  const name = NAMED[character];
  if (name !== undefined) forms.push(`&(?:amp;)?${name};`);
  // Forms have it so, and give it back so.
  if (character === " ") forms.push("\\+");
  if (character === "+") forms.push(" ");
  return `(?:${forms.join("|")})`;
}

function hexOf(code: number, length: number): string {
  return code.toString(16).padStart(length, "0");
}

function anyCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

/** An access key ID with all but its first and last four characters masked. */
export function maskAccessKeyId(accessKeyId: string): string {
  if (accessKeyId.length <= 8) return "****";
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`;
}

/** Has a redactor hide the values of a URL's query and of headers. */
export function hideSettings(
  redactor: Redactor,
  url: URL,
  headers: readonly (readonly [name: string, value: string])[],
): void {
  for (const [, value] of headers) redactor.addSetting(value);
  for (const value of url.searchParams.values()) redactor.addSetting(value);
}
