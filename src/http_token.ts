/**
 * The bearer token that guards the HTTP front.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { ConfigError } from "./errors.ts";

const TOKEN_BYTES = 32;

/** A token that nobody can guess. */
export function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Tells a token from others in a time that says nothing about it. */
export class TokenCheck {
  readonly #digest: Uint8Array;

  /** @param token The right one. */
  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /**
   * Whether a request brings the token.
   *
   * @param authorization Its `Authorization` header.
   * @returns `missing` when it names no bearer token at all.
   */
  check(authorization: string | null): "right" | "wrong" | "missing" {
    const [, token] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    if (token === undefined) return "missing";
    // Of digests all lengths are equal, and no prefix tells anything.
    return timingSafeEqual(digestOf(token), this.#digest) ? "right" : "wrong";
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** A file that holds a token for its owner alone, until it is disposed of. */
export class TokenFile implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Writes a token to a new file of mode 0600.
   *
   * @param token The token. Nothing else is in the file, no newline either.
   * @param directory Where to; the system's temporary directory by default.
   * @returns The file.
   * @throws {ConfigError} It cannot be written.
   */
  static async create(token: string, directory?: string): Promise<TokenFile> {
    try {
      const path = await Deno.makeTempFile({
        ...(directory !== undefined && { dir: directory }),
        prefix: "sigv4-proxy-",
        suffix: ".token",
      });
      await Deno.writeTextFile(path, token, { create: false });
      return new TokenFile(path);
    } catch (cause) {
      throw new ConfigError([`${whyNot(cause)} (${REMEDY})`]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Gone already is as well.
    await Deno.remove(this.path).catch(() => {});
  }
}

const REMEDY = "set --listen-token or MCP_LISTEN_TOKEN";

function whyNot(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return `the listen token that was made cannot be written to a file: ${text}`;
}
