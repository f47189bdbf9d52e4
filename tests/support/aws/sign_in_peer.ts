/**
 * IAM Identity Center on loopback: the sign-in service (SSO OIDC) with its
 * device authorization, and the portal that gives keys for a token.
 */

import { Arrivals } from "../arrivals.ts";
import { SECRETS_SEEN } from "./secrets_seen.ts";

/** What a person, or AWS, does with a login. */
export type SignInAnswer =
  | "authorization_pending"
  | "slow_down"
  | "expired_token"
  | "access_denied"
  | "invalid_client"
  | "token";

/** A request as the peer received it. */
export interface SignInRequest {
  readonly path: string;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Keys that the portal gives out. */
export interface PortalKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** The services, and what they were asked. */
export class SignInPeer implements AsyncDisposable {
  /** What the sign-in service was asked, so far and to come. */
  readonly requests = new Arrivals<SignInRequest>("request to sign in");
  /** What the token endpoint says first, each once; a number is a status. */
  readonly answers: (SignInAnswer | number)[] = [];
  /** What it says then. */
  answer: SignInAnswer = "authorization_pending";
  /** What the token endpoint says of a device's code that it does not take. */
  describe: ((deviceCode: string) => string) | undefined;
  /** What the token endpoint says by a header alone, as AWS names it. */
  errorType: string | undefined;
  /** Awaited before each answer of the sign-in service. */
  gate: Promise<void> = Promise.resolve();
  /** The status of all that it answers, where something is wrong with it. */
  status: number | undefined;
  /** Tokens of people who have no role that is asked for. */
  readonly others = new Set<string>();
  /** The tokens that the portal was asked with. */
  readonly asked: string[] = [];
  /** What is answered in place of the page and the code. */
  page: Record<string, unknown> = {};
  /** The tokens that the portal takes. */
  readonly tokens = new Set<string>();
  /** What the pages of the logins show, in their order. */
  readonly codes: string[] = [];
  readonly #keys: PortalKeys;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** @param keys What the portal gives for a token that it takes. */
  constructor(keys: PortalKeys) {
    this.#keys = keys;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#handle(request));
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** How many logins have begun. */
  get begun(): number {
    return this.codes.length;
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/federation/credentials") return this.#portal(request);
    const body = await request.json();
    this.requests.add({ path: pathname, body });
    await this.gate;
    if (this.status !== undefined) {
      return Response.json({ error: "unwell" }, { status: this.status });
    }
    const number = this.begun;
    switch (pathname) {
      case "/client/register":
        return Response.json({
          clientId: "the-id-of-this-client",
          clientSecret: secret("the-secret-of-this-client"),
          clientSecretExpiresAt: Math.floor(Date.now() / 1000) + 7_776_000,
        });
      case "/device_authorization": {
        const userCode = `WXYZ-${String(number + 1).padStart(4, "0")}`;
        this.codes.push(userCode);
        return Response.json({
          deviceCode: secret(`the-code-of-this-device-${number + 1}`),
          userCode,
          verificationUri: `${this.url}/device`,
          verificationUriComplete: `${this.url}/device?user_code=${userCode}`,
          expiresIn: 600,
          interval: 0.2,
          ...this.page,
        });
      }
      case "/token": {
        if (this.errorType !== undefined) {
          const headers = { "x-amzn-errortype": this.errorType };
          return Response.json({}, { status: 400, headers });
        }
        const answer = this.answers.shift() ?? this.answer;
        if (typeof answer === "number") {
          return Response.json({ error: "unwell" }, { status: answer });
        }
        if (answer !== "token") {
          const error_description = this.describe?.(body.deviceCode);
          return Response.json({ error: answer, error_description }, {
            status: 400,
          });
        }
        const accessToken = secret(`the-access-token-of-login-${number}`);
        this.tokens.add(accessToken);
        return Response.json({
          accessToken,
          refreshToken: secret(`the-refresh-token-of-login-${number}`),
          tokenType: "Bearer",
          expiresIn: 28_800,
        });
      }
    }
    return new Response(null, { status: 404 });
  }

  #portal(request: Request): Response {
    const token = request.headers.get("x-amz-sso_bearer_token") ?? "";
    this.asked.push(token);
    if (this.others.has(token)) {
      return Response.json({ message: "No access" }, {
        status: 403,
        headers: { "x-amzn-errortype": "ForbiddenException" },
      });
    }
    if (!this.tokens.has(token)) {
      return Response.json({ message: "Session token not found or invalid" }, {
        status: 401,
        headers: { "x-amzn-errortype": "UnauthorizedException" },
      });
    }
    const expiration = Date.now() + 3_600_000;
    return Response.json({ roleCredentials: { ...this.#keys, expiration } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A text that no log and no message may have. */
function secret(text: string): string {
  SECRETS_SEEN.note(text);
  return text;
}
