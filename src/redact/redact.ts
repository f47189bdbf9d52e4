/** Keeps secrets out of what people and programs read: log lines, errors. */

import { viewsOf } from "./decoded_text.ts";
import {
  alphanumeric,
  literal,
  MIN_LENGTH,
  type Needle,
  needlesOf,
  SecretIndex,
  type Span,
} from "./secret_index.ts";

/** Replaces what must not be seen in a text. */
export type Redact = (text: string) => string;

/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** A value this long is a secret even if it is nothing but letters. */
const SURE_LENGTH = 16;

/**
 * How many secrets of a kind are remembered; the oldest go first. A target may
 * send new session IDs and cookies for ever.
 */
const MAX_SECRETS = 256;

/** The same of keys, tokens and settings: of so many identities at a time. */
const MAX_CREDENTIALS = 1024;

/** How much of a value is remembered. What follows is known by what it follows. */
const MAX_SECRET_LENGTH = 4096;

/** How much of a text is shown: what is longer is cut, since it takes time. */
const MAX_TEXT = 8 * 1024;

/** So much more is looked at, or half a secret would pass where it is cut. */
const BEYOND = 512;

/** What is told from other text by its form, whosever it is. */
const PATTERNS: readonly (readonly [RegExp, (match: string) => string])[] = [
  // Signatures are computed per request, so they are known by their place and
  // form: v4 is 64 hex digits, v4a a DER signature of up to 72 bytes in hex. One
  // that is cut short is still told from the 40 digits of a Git commit.
  [
    /(?<=signature["'=:>\s\\]{1,8})[0-9a-f]{8,}|(?<![0-9a-f])[0-9a-f]{48,}/gi,
    () => REDACTED,
  ],
  // A session token in an echoed header or query.
  [
    /(?<=x-amz-security-token["'\\]{0,8}[ \t]{0,8}[=:][ \t]{0,8}["'\\]{0,8})[^\s"'\\&,;]{16,}/gi,
    () => REDACTED,
  ],
  // AWS Identity and Access Management User Guide, "IAM identifiers": the prefix
  // of a user's and of a session's access key ID.
  [/A[KS]IA[A-Z0-9]{12,124}/g, maskAccessKeyId],
];

/** Where one of them may be. */
const MAY_MATCH = /signature|security-token|A[KS]IA|(?<![0-9a-f])[0-9a-f]{48}/i;

/** Values of headers and cookies that everybody may see. */
const NO_SECRET =
  /^(?:(?:application|audio|font|image|model|multipart|text|video)\/[\w.+*-]+(?:\s*[;,].*)?|https?:\/\/[^?#@]*)$/i;

/** A secret, and what it is found by. */
interface Entry {
  readonly secret: string;
  readonly shown: string;
  /** Made when a text is first looked at: a cookie may come and go unseen. */
  needles?: readonly Needle[];
  /** How often it was added and not removed. */
  uses: number;
}

/**
 * Remembers the secrets in use (keys, tokens, session IDs) and replaces them,
 * and every signature, in a text: escaped, in hex or Base64, with other signs
 * between, backwards, and where a long one is cut short. Access key IDs are
 * masked. A text of more than 8,192 characters is cut.
 *
 * @example
 * ```ts
 * import { Redactor } from "@scope/sigv4-proxy";
 *
 * // Handed to a signed fetch and to the proxy, it is told their secrets.
 * const redactor = new Redactor();
 * redactor.addSetting("Bearer 0a1b2c3d4e5f6a7b8c9d");
 * const line = redactor.redact("sent 0a1b2c3d4e5f6a7b8c9d to the target");
 * if (line !== "sent [redacted] to the target") throw new Error(line);
 * ```
 */
export class Redactor {
  readonly #index = new SecretIndex(alphanumeric);
  /** For those that have too few letters and digits. */
  readonly #literals = new SecretIndex(literal);
  /** What no text was looked through for yet. */
  readonly #unindexed = new Set<Entry>();
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
    if (secret) this.#remember(this.#credentials, secret, REDACTED);
  }

  /** Remembers an access key ID, which is masked. */
  addAccessKeyId(accessKeyId: string): void {
    const shown = maskAccessKeyId(accessKeyId);
    this.#remember(this.#credentials, accessKeyId, shown);
  }

  /**
   * Takes back one {@linkcode Redactor.add}. A value that was added for another
   * reason too stays: a cookie may repeat the session's ID.
   */
  remove(value: string): void {
    const secret = value.slice(0, MAX_SECRET_LENGTH);
    const known = this.#passing.get(secret);
    if (known === undefined || --known.uses > 0) return;
    this.#forget(this.#passing, known);
  }

  #remember(pool: Map<string, Entry>, value: string, shown: string): void {
    if (value.length < MIN_LENGTH) return;
    const secret = value.slice(0, MAX_SECRET_LENGTH);
    const known = pool.get(secret);
    if (known !== undefined) {
      known.uses++;
      pool.delete(secret);
      pool.set(secret, known);
      return;
    }
    const entry: Entry = { secret, shown, uses: 1 };
    pool.set(secret, entry);
    this.#unindexed.add(entry);
    const most = pool === this.#credentials ? MAX_CREDENTIALS : MAX_SECRETS;
    for (const oldest of pool.values()) {
      if (pool.size <= most) break;
      this.#forget(pool, oldest);
    }
  }

  #forget(pool: Map<string, Entry>, entry: Entry): void {
    pool.delete(entry.secret);
    this.#unindexed.delete(entry);
    for (const needle of entry.needles ?? []) {
      this.#indexOf(needle).remove(needle);
    }
  }

  #indexOf({ folding }: Needle): SecretIndex {
    return folding === literal ? this.#literals : this.#index;
  }

  /** The text with each secret, token and signature replaced. */
  redact: (text: string) => string = (text) => {
    const views = viewsOf(text.slice(0, MAX_TEXT + BEYOND));
    const spans: Span[] = [];
    for (const { text, origin } of views) {
      const found = [...this.#find(text), ...patternSpans(text)];
      for (const other of this.#others) found.push(...other.#find(text));
      for (const { start, end, shown } of found) {
        spans.push({
          start: origin?.[start] ?? start,
          end: origin?.[end] ?? end,
          shown,
        });
      }
    }
    if (text.length <= MAX_TEXT) return replaced(text, spans);
    return `${replaced(text.slice(0, MAX_TEXT), spans)}…`;
  };

  #find(text: string): Span[] {
    for (const entry of this.#unindexed) {
      entry.needles = needlesOf(entry.secret, entry.shown);
      for (const needle of entry.needles) this.#indexOf(needle).add(needle);
    }
    this.#unindexed.clear();
    return [...this.#index.find(text), ...this.#literals.find(text)];
  }
}

function replaced(text: string, spans: readonly Span[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, shown } of merged(spans)) {
    if (start >= text.length) break;
    parts.push(text.slice(at, start), shown);
    at = end;
  }
  return parts.join("") + text.slice(at);
}

/** In order, and those that overlap as one. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || span.start >= last.end) {
      result.push(span);
      continue;
    }
    result[result.length - 1] = {
      start: last.start,
      end: Math.max(last.end, span.end),
      shown: covers(last, span)
        ? last.shown
        : covers(span, last)
        ? span.shown
        : REDACTED,
    };
  }
  return result;
}

function covers(one: Span, other: Span): boolean {
  return one.start <= other.start && one.end >= other.end;
}

/** Where something has the form of a secret. */
function patternSpans(text: string): Span[] {
  if (!MAY_MATCH.test(text)) return [];
  return PATTERNS.flatMap(([pattern, shown]) =>
    Array.from(text.matchAll(pattern), ({ 0: match, index: start }) => ({
      start,
      end: start + match.length,
      shown: shown(match),
    }))
  );
}

/** Whether a value is more than a word, an address or a media type. */
function looksSecret(value: string): boolean {
  if (NO_SECRET.test(value)) return false;
  return value.length >= SURE_LENGTH ||
    (/\d/.test(value) && /[^\d.,:/ -]/.test(value));
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

/**
 * Lets a redactor and those of signed fetches replace what any of them knows:
 * what signs knows the keys, what carries messages the sessions, the cookies and
 * the headers.
 *
 * @returns Takes it back.
 */
export function joinSecrets(
  redactor: Redactor,
  fetches: readonly object[],
): () => void {
  const signers = fetches.flatMap((fetch) =>
    "redactor" in fetch && fetch.redactor instanceof Redactor
      ? [fetch.redactor]
      : []
  );
  for (const signer of signers) {
    redactor.join(signer);
    signer.join(redactor);
  }
  return () => {
    for (const signer of signers) signer.leave(redactor);
  };
}
