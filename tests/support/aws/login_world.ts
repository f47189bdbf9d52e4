/**
 * A machine with an SSO session that is over, a target that demands a signature,
 * and the program with `--login` before it.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ExtraPermissions, LaunchOptions } from "../program/launch.ts";
import { ProxyProcess } from "../program/proxy_process.ts";
import { mcp, type McpHandler } from "../raw/mcp.ts";
import { RawServer } from "../raw/server.ts";
import { SignInPeer } from "./sign_in_peer.ts";
import { NO_KEYS, TEST_CREDENTIALS, TEST_VERIFIER } from "./test_identity.ts";

const CONFIG = `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Dev
[profile ops]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Ops
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
sso_registration_scopes = sso:account:access
`;

/** What a client that opens pages says of itself. */
export const OPENS_PAGES = {
  protocolVersion: "2025-11-25",
  capabilities: { elicitation: { url: {} } },
  clientInfo: { name: "raw-client", version: "1.0.0" },
} as const;

/** How the program is started unless a test says otherwise. */
export const LOGIN_ARGS: readonly string[] = ["--login", "--profile", "dev"];

/** How a world is made. */
export interface LoginWorldOptions {
  readonly script?: Record<string, McpHandler>;
}

/** The machine, the services and the target. */
export class LoginWorld implements AsyncDisposable {
  readonly home: string;
  readonly peer: SignInPeer;
  readonly server: RawServer;
  readonly #stack = new AsyncDisposableStack();

  private constructor(home: string, server: RawServer) {
    this.home = home;
    this.server = server;
    this.peer = this.#stack.use(new SignInPeer(TEST_CREDENTIALS));
    this.#stack.use(server);
  }

  static async start(options: LoginWorldOptions = {}): Promise<LoginWorld> {
    const home = await Deno.realPath(await Deno.makeTempDir());
    await Deno.mkdir(join(home, ".aws"));
    await Deno.writeTextFile(join(home, ".aws/config"), CONFIG);
    const server = await RawServer.start({
      handler: mcp(options.script ?? {}),
      verifier: TEST_VERIFIER,
    });
    return new LoginWorld(home, server);
  }

  /** Where the AWS CLI keeps the token. */
  get tokenFile(): string {
    const name = createHash("sha1").update("corp").digest("hex");
    return join(this.home, ".aws/sso/cache", `${name}.json`);
  }

  /** The lock of a login. */
  get lockFile(): string {
    return this.tokenFile.replace(".json", ".login.lock");
  }

  /** Adds a profile to those that there are. */
  async addProfile(
    name: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<void> {
    const lines = Object.entries(settings).map((pair) => pair.join(" = "));
    const text = [`[profile ${name}]`, ...lines, ""].join("\n");
    const path = join(this.home, ".aws/config");
    await Deno.writeTextFile(path, text, { append: true });
  }

  /** Writes a token as the AWS CLI does; by default one that is over. */
  async writeToken(more: Record<string, unknown> = {}): Promise<void> {
    await Deno.mkdir(join(this.tokenFile, ".."), { recursive: true });
    const expiresAt = new Date(Date.now() - 60_000).toISOString();
    const token = { accessToken: "an-old-token", expiresAt, ...more };
    await Deno.writeTextFile(this.tokenFile, JSON.stringify(token));
  }

  /** A good token, as another program would leave it. */
  async logInElsewhere(aheadMs = 0): Promise<void> {
    this.peer.tokens.add("a-token-from-elsewhere");
    const expiresAt = new Date(Date.now() + aheadMs + 3_600_000).toISOString();
    await this.writeToken({ accessToken: "a-token-from-elsewhere", expiresAt });
  }

  /** How the program is started. */
  launch(
    { args = LOGIN_ARGS, permissions = {}, ...options }: Partial<
      LaunchOptions
    > = {},
  ): LaunchOptions {
    const cache = join(this.home, ".aws/sso/cache");
    const granted: ExtraPermissions = {
      net: [this.peer.host],
      write: [cache],
      ...permissions,
    };
    return {
      target: this.server.url,
      home: this.home,
      args,
      permissions: granted,
      ...options,
      env: {
        ...NO_KEYS,
        AWS_ENDPOINT_URL_SSO: this.peer.url,
        AWS_ENDPOINT_URL_SSO_OIDC: this.peer.url,
        ...options.env,
      },
    };
  }

  /** Starts the program, in a process of its own where it is to be one. */
  async program(
    options?: Partial<LaunchOptions>,
    start: "start" | "startHere" = "startHere",
  ): Promise<ProxyProcess> {
    return this.#stack.use(await ProxyProcess[start](this.launch(options)));
  }

  /** Starts the program, and lets its session end once it is in use. */
  async programWhoseSessionEnds(
    options?: Partial<LaunchOptions>,
    start?: "start",
  ): Promise<ProxyProcess> {
    await this.logInElsewhere();
    const proxy = await this.program(options, start);
    await proxy.initialize(OPENS_PAGES);
    // That of `notifications/initialized`.
    await this.server.requests.at(1);
    await this.writeToken();
    return proxy;
  }

  /** The methods that reached the target. */
  get reached(): string[] {
    return this.server.requests.all.filter(({ method }) => method === "POST")
      .map((request) => JSON.parse(request.text()).method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await Deno.remove(this.home, { recursive: true });
  }
}
