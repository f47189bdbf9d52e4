/**
 * Keeps secrets out of what people and programs read: log lines, errors.
 *
 * @module
 */

/** Replaces what must not be seen in a text. */
export type Redact = (text: string) => string;

/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** Secrets shorter than this are not replaced: they would garble every text. */
const MIN_SECRET_LENGTH = 8;

/** How many secrets are remembered; the oldest go first. */
const MAX_SECRETS = 256;

// Signatures are computed per request, so they are known by their place and
// form: v4 is 64 hex digits, v4a a DER signature of up to 72 bytes in hex.
const SIGNATURE =
  /(signature["']?\s*[=:]\s*["']?)[0-9a-f]{32,}|\b(?:[0-9a-f]{64}|30[0-9a-f]{130,142})\b/gi;
// A session token in an echoed header or query, whosever it is.
const TOKEN = /(x-amz-security-token["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi;
// AWS Identity and Access Management User Guide, "IAM identifiers": the prefix
// of a user's and of a session's access key ID.
const ACCESS_KEY_ID = /\bA[KS]IA[A-Z0-9]{12,124}\b/g;

/**
 * Remembers the secrets in use (keys, tokens, session IDs) and replaces them,
 * and every signature, in a text. Access key IDs are masked.
 */
export class Redactor {
  /** Each form of a secret, and what stands in its place; longest first. */
  #forms: (readonly [form: string, shown: string])[] = [];
  readonly #secrets = new Map<string, string>();

  /** Remembers a secret, in its plain and its percent-encoded forms. */
  add(secret: string | undefined): void {
    this.#remember(secret, REDACTED);
  }

  /** Remembers an access key ID, which is masked. */
  addAccessKeyId(accessKeyId: string): void {
    this.#remember(accessKeyId, maskAccessKeyId(accessKeyId));
  }

  /** Forgets a secret that is none any more. */
  remove(secret: string): void {
    if (this.#secrets.delete(secret)) this.#sort();
  }

  #remember(secret: string | undefined, shown: string): void {
    if (secret === undefined || secret.length < MIN_SECRET_LENGTH) return;
    const isKnown = this.#secrets.delete(secret);
    this.#secrets.set(secret, shown);
    if (isKnown) return;
    for (const oldest of this.#secrets.keys()) {
      if (this.#secrets.size <= MAX_SECRETS) break;
      this.#secrets.delete(oldest);
    }
    this.#sort();
  }

  /** A secret that is a part of another must not be replaced before it. */
  #sort(): void {
    this.#forms = [...this.#secrets]
      .flatMap(([secret, shown]) =>
        [...formsOf(secret)].map((form): [string, string] => [form, shown])
      )
      .sort(([a], [b]) => b.length - a.length);
  }

  /** The text with each secret, token and signature replaced. */
  redact: Redact = (text) => {
    for (const [form, shown] of this.#forms) {
      if (text.includes(form)) text = text.replaceAll(form, shown);
    }
    return text
      .replace(SIGNATURE, (_match, before = "") => before + REDACTED)
      .replace(TOKEN, (_match, before) => before + REDACTED)
      .replace(ACCESS_KEY_ID, maskAccessKeyId);
  };
}

/** A secret as it is, and as URLs and canonical queries have it. */
function formsOf(secret: string): Set<string> {
  const once = encodeURIComponent(secret);
  const lower = once.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return new Set([secret, once, lower, encodeURIComponent(once)]);
}

/** An access key ID with all but its first and last four characters masked. */
export function maskAccessKeyId(accessKeyId: string): string {
  if (accessKeyId.length <= 8) return "****";
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`;
}
