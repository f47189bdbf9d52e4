/** A target that demands a signature, and the program with its layers before it. */
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../support/program/proxy_process.ts";
import { mcp, type McpHandler, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer, type SeenRequest } from "../support/raw/server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { SECRETS_SEEN } from "../support/aws/secrets_seen.ts";
import {
  keySettings,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";

/** Two accounts, as the shared files name them. */
export const ACCOUNTS = {
  dev: { keyId: "AKIDTESTACCOUNTDEV01", secret: "the-secret-of-dev-in-tests" },
  audit: { keyId: "AKIDTESTACCOUNTAUD02", secret: "the-secret-of-audit-in-it" },
} as const;

/** Who signed a request: the access key ID of its credential. */
export function keyIdOf(request: SeenRequest): string | undefined {
  const header = request.header("authorization") ?? "";
  return /Credential=([^/]+)\//.exec(header)?.[1];
}

/** The target's tools. */
export const TOOLS: readonly { readonly name: string }[] = [
  { name: "get_item", annotations: { readOnlyHint: true } },
  { name: "put_item", annotations: { readOnlyHint: false } },
  { name: "delete_item" },
].map((tool) => ({ ...tool, inputSchema: { type: "object" } }));

const list: McpHandler = (message, reply) =>
  reply.json(result(message, { tools: TOOLS }));

/** The keys of the accounts, as a target knows them. */
const PRINCIPALS = Object.fromEntries(
  Object.values(ACCOUNTS).map(({ keyId, secret }) => {
    SECRETS_SEEN.note(secret);
    return [keyId, { secretAccessKey: secret }];
  }),
);

/** The accounts, as an AWS config file has them. */
const CONFIG = Object.entries(ACCOUNTS).map(([name, { keyId, secret }]) =>
  `[profile ${name}]\nregion = ${TEST_SCOPE.region}\n` +
  keySettings({ accessKeyId: keyId, secretAccessKey: secret })
).join("");

/** A request that reached the target, and its message. */
interface Sent {
  readonly request: SeenRequest;
  // deno-lint-ignore no-explicit-any
  readonly message: any;
}

export class LayersWorld implements AsyncDisposable {
  private constructor(
    readonly server: RawServer,
    readonly sessions: Sessions,
    readonly proxy: ProxyProcess,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async start(
    options: Omit<ProxyProcessOptions, "target">,
    script: Record<string, McpHandler> = {},
    start: "start" | "startHere" = "startHere",
  ): Promise<LayersWorld> {
    await using stack = new AsyncDisposableStack();
    const home = stack.use(await tempDir({ ".aws/config": CONFIG })).path;
    const sessions = new Sessions();
    const { principals } = TEST_VERIFIER;
    const server = stack.use(
      await RawServer.start({
        handler: mcp({ "tools/list": list, ...script }, sessions),
        verifier: {
          ...TEST_VERIFIER,
          principals: { ...principals, ...PRINCIPALS },
        },
      }),
    );
    const proxy = stack.use(
      await ProxyProcess[start]({ target: server.url, home, ...options }),
    );
    return new LayersWorld(server, sessions, proxy, stack.move());
  }

  /** Calls a tool, and waits for the answer. */
  // deno-lint-ignore no-explicit-any
  async call(name: string, args: unknown = {}): Promise<any> {
    const params = { name, arguments: args };
    return (await this.proxy.request("tools/call", params)).value;
  }

  /** The names of the tools that the client sees. */
  async names(): Promise<string[]> {
    // deno-lint-ignore no-explicit-any
    const { value }: { value?: any } = await this.proxy.request("tools/list");
    return value.result.tools.map((tool: { name: string }) => tool.name);
  }

  /** The requests of a method that reached the target, parsed. */
  sent(method: string): Sent[] {
    return this.server.requests.all
      .filter((request) => request.method === "POST")
      .map((request) => ({ request, message: JSON.parse(request.text()) }))
      .filter(({ message }) => message.method === method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}
