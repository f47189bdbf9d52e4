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

/**
 * Remembers the secrets in use (keys, tokens, session IDs) and replaces them,
 * and every signature, in a text.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** Remembers a secret, in its plain and its percent-encoded form. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret.length < MIN_SECRET_LENGTH) return;
    for (const form of [secret, encodeURIComponent(secret)]) {
      this.#secrets.delete(form);
      this.#secrets.add(form);
    }
    for (const oldest of this.#secrets) {
      if (this.#secrets.size <= MAX_SECRETS) break;
      this.#secrets.delete(oldest);
    }
  }

  /** The text with each secret, token and signature replaced. */
  redact: Redact = (text) => {
    for (const secret of this.#secrets) {
      if (text.includes(secret)) text = text.replaceAll(secret, REDACTED);
    }
    return text
      .replace(SIGNATURE, (_match, before = "") => before + REDACTED)
      .replace(TOKEN, (_match, before) => before + REDACTED);
  };
}

/** An access key ID with all but its first and last four characters masked. */
export function maskAccessKeyId(accessKeyId: string): string {
  if (accessKeyId.length <= 8) return "****";
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`;
}
