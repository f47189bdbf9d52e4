/**
 * The bearer token that guards the HTTP front.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { ConfigError } from "./errors.ts";
import type { Log } from "./log.ts";

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

/** Where a token is written to. */
export interface TokenPlace {
  /** The directory, if not the system's temporary one. */
  readonly directory: string | undefined;
  /** Is told when it is another one after all. */
  readonly log: Log;
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
   * @param where Where to. The system's temporary directory is taken in place
   * of one that is not there, or takes no file of this user's: under sudo, from
   * cron and in containers the one of a login is not at hand.
   * @returns The file.
   * @throws {ConfigError} It cannot be written.
   */
  static async create(
    token: string,
    { directory, log }: TokenPlace,
  ): Promise<TokenFile> {
    if (directory === undefined) return await TokenFile.#create(token);
    try {
      return await TokenFile.#create(token, directory);
    } catch (error) {
      if (!(error instanceof ConfigError) || isForbidden(error)) throw error;
      log.warn(
        "the directory for the token takes no file: the temporary one is taken in its place",
        { directory, error: textOf(error.cause) },
      );
      return await TokenFile.#create(token);
    }
  }

  static async #create(token: string, directory?: string): Promise<TokenFile> {
    try {
      const path = await Deno.makeTempFile({
        ...(directory !== undefined && { dir: directory }),
        prefix: "sigv4-proxy-",
        suffix: ".token",
      });
      await Deno.writeTextFile(path, token, { create: false });
      return new TokenFile(path);
    } catch (cause) {
      throw cannotWrite(directory, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Gone already is as well.
    await Deno.remove(this.path).catch(() => {});
  }
}

const REMEDY = "set --listen-token or MCP_LISTEN_TOKEN";

function cannotWrite(
  directory: string | undefined,
  cause: unknown,
): ConfigError {
  const where = directory ?? "the temporary directory";
  const error = new ConfigError([
    `the listen token that was made cannot be written to a file in ${where}: ${
      textOf(cause)
    } (${REMEDY})`,
  ]);
  error.cause = cause;
  return error;
}

/** Whether Deno itself forbids it, which is for its user to mend. */
function isForbidden({ cause }: ConfigError): boolean {
  return cause instanceof Deno.errors.NotCapable;
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
