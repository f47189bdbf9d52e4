/** Signs Web `Request`s with AWS Signature Version 4 or 4A. */

import { checkOptions } from "../../shape/shape.ts";
import { isS3, wireUrl } from "./canonical_request.ts";
import { bodyOfInit } from "./body.ts";
import {
  type SignerOptions,
  SigningCore,
  toSource,
  type UnsignedParts,
} from "./core.ts";

/** Signs requests; see {@linkcode createSigner}. */
export interface Signer {
  /**
   * Signs in headers. The body is read, as `fetch` would read it.
   *
   * @param request The request to sign. It is used up.
   * @returns The request to send, as it is. Its body is bytes, or with
   * `unsignedPayload` the stream that it was.
   * @throws {CredentialsError} There are no credentials.
   */
  sign(request: Request): Promise<Request>;
  /**
   * Signs in the query: a link that needs no credentials, for a time.
   *
   * @param request The request to sign. The headers it has must be sent with
   * the link, save those named `x-amz-*`, which move to the query.
   * @param options How long the link is good for; a week at most.
   * @returns The link.
   * @throws {CredentialsError} There are no credentials.
   * @throws {ConfigError} The time is no number of seconds from 1 to a week.
   * @throws {TypeError} The signer's version is `v4a`, which has no links.
   */
  presign(
    request: Request,
    options: { expiresInSeconds: number },
  ): Promise<URL>;
  /**
   * With `v4a`, does what is else done after the first signature: warms up the
   * curve, some 30 ms of work. With `v4` there is nothing to do.
   */
  warmUp(): Promise<void>;
}

/**
 * A signer for one service.
 *
 * All headers of a request are signed, save those that a runtime or a proxy on
 * the way may change (`user-agent`, `accept-encoding`, `connection`,
 * `x-forwarded-for`, `traceparent` and their like) and those whose value is not
 * ASCII, in which services differ on what was sent.
 *
 * @param options The service, its region, and who is asking.
 * @returns The signer.
 * @throws {ConfigError} An option is unknown, or has a wrong value.
 *
 * @example
 * ```ts
 * import { createSigner } from "@scope/sigv4-proxy";
 *
 * const signer = createSigner({
 *   service: "execute-api",
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 * });
 * const signed = await signer.sign(
 *   new Request("https://api.example/tools?page=1"),
 * );
 * if (!signed.headers.get("authorization")?.startsWith("AWS4-HMAC-SHA256 ")) {
 *   throw new Error("the signature is in the Authorization header");
 * }
 * ```
 */
export function createSigner(options: SignerOptions): Signer {
  checkOptions(options, "signer");
  const core = new SigningCore(options);
  const credentials = toSource(options);

  async function partsOf(
    request: Request,
    unsigned: boolean,
  ): Promise<UnsignedParts> {
    const { method, headers } = request;
    const url = wireUrl(request.url);
    const body = await bodyOfInit(request.body, unsigned);
    return { method, url, headers, body };
  }

  return {
    warmUp: () => core.warmUp(),

    async sign(request) {
      const { signal } = request;
      const parts = await partsOf(request, options.unsignedPayload ?? false);
      const current = await credentials.get({ signal });
      const { headers } = await core.sign(parts, current);
      const { method, url, body: { send: body } } = parts;
      const init = { method, headers, body, signal };
      return new Request(url, { ...init, redirect: "manual" });
    },

    async presign(request, link) {
      checkOptions(link, "link");
      const unsigned = options.unsignedPayload ?? isS3(options.service);
      const parts = await partsOf(request, unsigned);
      const current = await credentials.get({ signal: request.signal });
      return await core.presign(
        parts,
        current,
        Math.floor(link.expiresInSeconds),
      );
    },
  };
}
