/**
 * A second signer, `aws4` from npm: what it signs, the verifier must accept.
 */

import { Buffer } from "node:buffer";
import aws4 from "aws4";
import type { RawRequest } from "./verifier.ts";

/** A key pair to sign with. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request to be signed. */
export interface Unsigned {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly host: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Put the signature into the query instead of the headers. */
  readonly presign?: boolean;
  /** Leave out the payload: `UNSIGNED-PAYLOAD`. */
  readonly unsignedPayload?: boolean;
}

/** What a signature is made for. */
export interface Scope {
  readonly region: string;
  readonly service: string;
  /** The signer's clock. Default now. */
  readonly date?: Date;
}

interface Aws4Request {
  method: string;
  path: string;
  host: string;
  region: string;
  service: string;
  headers: Record<string, string>;
  body?: Buffer;
  signQuery?: boolean;
}

const aws4Sign: (request: Aws4Request, key: SigningKey) => Aws4Request =
  aws4.sign;

/**
 * Signs a request with v4.
 *
 * @param request What to sign.
 * @param key Who signs.
 * @param scope What for.
 * @returns The request as it goes on the wire.
 */
export function signWithAws4(
  request: Unsigned,
  key: SigningKey,
  scope: Scope,
): RawRequest {
  const date = (scope.date ?? new Date()).toISOString()
    .replace(/[-:]|\.\d{3}/g, "");
  const { target, presign = false } = request;
  const mark = target.includes("?") ? "&" : "?";
  const signed = aws4Sign({
    method: request.method,
    path: presign ? `${target}${mark}X-Amz-Date=${date}` : target,
    host: request.host,
    region: scope.region,
    service: scope.service,
    headers: {
      ...request.headers,
      ...(presign ? {} : { "X-Amz-Date": date }),
      ...(request.unsignedPayload
        ? { "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD" }
        : {}),
    },
    ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
    signQuery: presign,
  }, key);
  return {
    method: signed.method,
    target: signed.path,
    headers: Object.entries(signed.headers).map((
      [name, value],
    ) => [name, String(value)]),
    body: request.body ?? new Uint8Array(),
  };
}

/** A `fetch` that signs what it sends; the body must be text. */
export function aws4Fetch(
  key: SigningKey,
  scope: Scope,
): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (input, init = {}) => {
    const url = new URL(input);
    const { body } = init;
    const signed = signWithAws4(
      {
        method: init.method ?? "GET",
        target: url.pathname + url.search,
        host: url.host,
        headers: Object.fromEntries(new Headers(init.headers)),
        ...(typeof body === "string"
          ? { body: new TextEncoder().encode(body) }
          : {}),
      },
      key,
      scope,
    );
    const [target, signedInit] = toFetch(url, signed);
    return await fetch(target, { ...init, ...signedInit });
  };
}

/** A signed request as `fetch` takes it; `fetch` writes Host and length itself. */
export function toFetch(
  origin: URL,
  signed: RawRequest,
): [url: URL, init: RequestInit] {
  const headers = signed.headers.filter(([name]) =>
    !/^(host|content-length)$/i.test(name)
  );
  return [new URL(signed.target, origin), {
    method: signed.method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    ...(signed.body.length > 0
      ? { body: new Blob([new Uint8Array(signed.body)]) }
      : {}),
  }];
}
