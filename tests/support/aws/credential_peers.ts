/**
 * The endpoints that hand out credentials, on loopback, answering as AWS's do:
 * STS, the SSO portal with its token endpoint, sign-in, the container endpoint,
 * the instance metadata service.
 */

import { createPublicKey, verify } from "node:crypto";
import { SECRETS_SEEN } from "./secrets_seen.ts";

/** A request as a peer received it. */
export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
}

type Answer = (request: PeerRequest) => Response | Promise<Response>;

/** A server on loopback that remembers what it was asked. */
export class Peer {
  readonly requests: PeerRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: Answer) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, async (incoming) => {
      const url = new URL(incoming.url);
      const request: PeerRequest = {
        method: incoming.method,
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers,
        body: await incoming.text(),
      };
      this.requests.push(request);
      return await answer(request);
    });
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** An hour from now. */
export function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000);
}

/** Keys that can be told apart by a name. */
export function keysOf(
  name: string,
): { accessKeyId: string; secretAccessKey: string; sessionToken: string } {
  const keys = {
    accessKeyId: `ASIA${name.toUpperCase()}`,
    secretAccessKey: `secret-of-${name}`,
    sessionToken: `token-of-${name}`,
  };
  SECRETS_SEEN.note(keys.secretAccessKey);
  SECRETS_SEEN.note(keys.sessionToken);
  return keys;
}

/** What the STS peer was asked, by whom. */
export interface RoleAsked {
  readonly action: string;
  readonly role: string;
  readonly session: string;
  readonly externalId?: string;
  readonly seconds?: string;
  readonly webToken?: string;
  /** The access key ID that signed the request. */
  readonly signedBy?: string;
  readonly sentToken?: string;
}

/** AWS STS: each role gets keys named after it and a running number. */
export class StsPeer extends Peer {
  readonly asked: RoleAsked[];
  /** Keys that are refused, by their ID, and as what. */
  readonly refused: Map<string | undefined, string>;

  constructor(options: { refuse?: { type: string; message: string } } = {}) {
    const asked: RoleAsked[] = [];
    const refused = new Map<string | undefined, string>();
    super((request) => {
      const form = new URLSearchParams(request.body);
      const action = form.get("Action") ?? "";
      const arn = form.get("RoleArn") ?? "";
      const role = arn.slice(arn.lastIndexOf("/") + 1);
      const authorization = request.headers.get("authorization") ?? "";
      asked.push({
        action,
        role,
        session: form.get("RoleSessionName") ?? "",
        externalId: form.get("ExternalId") ?? undefined,
        seconds: form.get("DurationSeconds") ?? undefined,
        webToken: form.get("WebIdentityToken") ?? undefined,
        signedBy: /Credential=([^/]+)/.exec(authorization)?.[1],
        sentToken: request.headers.get("x-amz-security-token") ?? undefined,
      });
      const type = refused.get(asked.at(-1)?.signedBy);
      const refuse = type ? { type, message: "no" } : options.refuse;
      if (refuse !== undefined) return stsError(refuse);
      return stsAnswer(action, role, `${role}${asked.length}`);
    });
    this.asked = asked;
    this.refused = refused;
  }
}

function stsAnswer(action: string, role: string, name: string): Response {
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(name);
  return xml(
    200,
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <${action}Result>
        <AssumedRoleUser>
          <AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId>
          <Arn>arn:aws:sts::123456789012:assumed-role/${role}/s</Arn>
        </AssumedRoleUser>
        <Credentials>
          <AccessKeyId>${accessKeyId}</AccessKeyId>
          <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
          <SessionToken>${sessionToken}</SessionToken>
          <Expiration>${inAnHour().toISOString()}</Expiration>
        </Credentials>
      </${action}Result>
      <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>
    </${action}Response>`,
  );
}

function stsError(error: { type: string; message: string }): Response {
  return xml(
    403,
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <Error>
        <Type>Sender</Type>
        <Code>${error.type}</Code>
        <Message>${error.message}</Message>
      </Error>
      <RequestId>r-1</RequestId>
    </ErrorResponse>`,
  );
}

function xml(status: number, body: string): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/xml" },
  });
}

/** The SSO portal and its token endpoint: one access token is good. */
export class SsoPeer extends Peer {
  /** The access token that the portal takes. */
  goodToken: string;
  /** What the token endpoint gives for a refresh token. */
  renewedToken: string;
  /** To how many requests it is busy. */
  busy = 0;

  constructor(goodToken: string) {
    super((request) => {
      if (this.busy-- > 0) return json(429, { message: "Rate exceeded" });
      if (request.path === "/token") return this.#renew(request);
      const token = request.headers.get("x-amz-sso_bearer_token");
      if (token !== this.goodToken) {
        return json(401, { message: "Session token not found or invalid" }, {
          "x-amzn-errortype": "UnauthorizedException",
        });
      }
      const role = request.query.get("role_name") ?? "";
      if (role === "Forbidden") {
        return json(403, { message: "No access" }, {
          "x-amzn-errortype": "ForbiddenException",
        });
      }
      const roleCredentials = {
        ...keysOf(role),
        expiration: inAnHour().getTime(),
      };
      return json(200, { roleCredentials });
    });
    this.goodToken = goodToken;
    this.renewedToken = `${goodToken}-renewed`;
  }

  #renew(request: PeerRequest): Response {
    const { grantType, refreshToken } = JSON.parse(request.body);
    if (grantType !== "refresh_token" || refreshToken !== "refresh-token-1") {
      return json(400, { error: "invalid_grant" }, {
        "x-amzn-errortype": "InvalidGrantException",
      });
    }
    this.goodToken = this.renewedToken;
    return json(200, {
      accessToken: this.renewedToken,
      refreshToken: "refresh-token-2",
      tokenType: "Bearer",
      expiresIn: 28_800,
    });
  }
}

/** The sign-in service behind `aws login`: renews with a proof of possession. */
export class SigninPeer extends Peer {
  constructor() {
    super((request) => {
      const input = JSON.parse(request.body);
      const isProven = isDpopProof(request.headers.get("dpop") ?? "");
      if (!isProven || input.refreshToken !== "refresh-token-1") {
        return json(400, { error: "TOKEN_EXPIRED", message: "expired" }, {
          "x-amzn-errortype": "AccessDeniedException",
        });
      }
      return json(200, {
        accessToken: keysOf("renewedlogin"),
        refreshToken: "refresh-token-2",
        tokenType: "aws_sigv4",
        expiresIn: 900,
      });
    });
  }
}

/** RFC 9449: a JWT signed by the key that it carries, for a POST. */
function isDpopProof(proof: string): boolean {
  const [header, payload, signature] = proof.split(".");
  if (signature === undefined) return false;
  const text = (part: string) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, {
      alphabet: "base64url",
    })));
  const key = createPublicKey({ key: text(header).jwk, format: "jwk" });
  return text(payload).htm === "POST" && verify(
    "sha256",
    new TextEncoder().encode(`${header}.${payload}`),
    { key, dsaEncoding: "ieee-p1363" },
    Uint8Array.fromBase64(signature, { alphabet: "base64url" }),
  );
}

/** The container endpoint: keys numbered by request, for one token. */
export class ContainerPeer extends Peer {
  /** When the credentials given out next expire. */
  expiration: () => Date = inAnHour;
  /** What is answered in place of credentials. */
  failure: () => Response | undefined = () => undefined;
  /** Awaited before each answer. */
  gate: Promise<void> = Promise.resolve();

  constructor(token?: string) {
    super(async (request) => {
      const number = this.requests.length;
      await this.gate;
      const failure = this.failure();
      if (failure !== undefined) return failure;
      const sent = request.headers.get("authorization");
      if (token !== undefined && sent !== token) {
        const Message = `not the token: ${sent}`;
        return json(403, { Code: "AccessDenied", Message });
      }
      return json(200, metadataKeys(`container${number}`, this.expiration()));
    });
  }
}

/** The instance metadata service, version 2 only. */
export class MetadataPeer extends Peer {
  constructor(options: { hasRole?: boolean; status?: number } = {}) {
    const sessionToken = "metadata-session-token";
    const path = "/latest/meta-data/iam/security-credentials/";
    super((request) => {
      if (options.status !== undefined) {
        return new Response(null, { status: options.status });
      }
      if (request.method === "PUT" && request.path === "/latest/api/token") {
        return new Response(sessionToken);
      }
      const token = request.headers.get("x-aws-ec2-metadata-token");
      if (token !== sessionToken) return new Response(null, { status: 401 });
      if (options.hasRole === false) return new Response(null, { status: 404 });
      if (request.path === path) return new Response("web-role");
      if (request.path !== `${path}web-role`) {
        return new Response(null, { status: 404 });
      }
      return json(200, metadataKeys("instance", inAnHour()));
    });
  }
}

function metadataKeys(name: string, expiration: Date): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(name);
  return {
    Code: "Success",
    Type: "AWS-HMAC",
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration.toISOString(),
  };
}

function json(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Response {
  return Response.json(body, { status, headers });
}
