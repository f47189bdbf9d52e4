/**
 * The secrets that peers have seen or given out, which nobody may be shown.
 * Peers feed it, and what runs the proxy looks through all that came out.
 */

/** Headers whose values are secret, short ones apart. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "mcp-session-id",
  "x-amz-security-token",
]);

/** A test's own value that is shorter stands for nothing secret. */
const MIN_LENGTH = 16;

/** Secrets as tests come to know them. */
export class SecretsSeen {
  /** As they are, and as a URL has them. */
  readonly #secrets = new Set<string>();
  readonly #signatures = new Set<string>();

  /** Notes a secret that is given out. */
  note(secret: string | undefined): void {
    if (secret !== undefined && secret.length >= MIN_LENGTH) {
      this.#secrets.add(secret).add(encodeURIComponent(secret));
    }
  }

  /** Notes what is secret of a request or of an answer. */
  noteHeaders(headers: Iterable<readonly [name: string, value: string]>): void {
    for (const [name, value] of headers) {
      if (SECRET_HEADERS.has(name.toLowerCase())) this.note(value);
      const [, signature] = /^authorization$/i.test(name)
        ? /Signature=([0-9a-f]{64,})$/.exec(value) ?? []
        : [];
      if (signature !== undefined) this.#signatures.add(signature);
    }
  }

  /** Those of the secrets that are in a text. */
  foundIn(text: string): string[] {
    const signatures = text.match(/[0-9a-f]{64,}/g) ?? [];
    return [
      ...signatures.filter((hex) => this.#signatures.has(hex)),
      ...[...this.#secrets].filter((secret) => text.includes(secret)),
    ];
  }

  /**
   * Fails if a log or one of the proxy's own errors shows a secret. The
   * target's own messages pass as they are.
   */
  check(log: string, frames: Iterable<unknown> = []): void {
    const own = [...frames].filter(isOwnError).map((frame) =>
      JSON.stringify(frame)
    );
    for (const [where, text] of [["log", log], ["error", own.join("\n")]]) {
      const [found] = this.foundIn(text);
      if (found === undefined) continue;
      const at = Math.max(0, text.indexOf(found) - 200);
      const around = text.slice(at, at + 400);
      throw new Error(`a secret is shown in the ${where}: …${around}…`);
    }
  }
}

/** Those of this test file. */
export const SECRETS_SEEN: SecretsSeen = new SecretsSeen();

function isOwnError(frame: unknown): boolean {
  const data = member(member(frame, "error"), "data");
  return member(data, "source") === "sigv4-proxy";
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Reflect.get(value, name);
}
