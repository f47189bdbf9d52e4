import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
  Sessions,
} from "../../support/raw_mcp.ts";
import {
  type RawReply,
  RawServer,
  type SeenRequest,
} from "../../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream_client.ts";

/** A fetch that says who asks, in place of a signature. */
export const as = (who: string): typeof fetch => (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("x-who", who);
  return fetch(input, { ...init, headers });
};

export const PROFILES = new Map([["dev", as("dev")], ["prod", as("prod")]]);

/** A target with sessions, and a client of two profiles before it. */
export async function world(
  script: Record<string, McpHandler> = {},
  options: Partial<StreamClientOptions> = {},
) {
  const sessions = new Sessions();
  const server = await RawServer.start(mcp(script, sessions));
  const client = new StreamClient({
    url: server.url,
    fetch: as("dev"),
    profiles: PROFILES,
    ...options,
  });
  return {
    server,
    client,
    /** Answers an `initialize`, with a new session. */
    open: (message: unknown, reply: RawReply) =>
      reply.json(result(message, INITIALIZED), 200, {
        "mcp-session-id": sessions.open(),
      }),
    /** Calls a tool on behalf of a profile. */
    call: (id: number, profile: string): void =>
      client.request(id, "tools/call", {
        name: "x",
        arguments: { aws_profile: profile },
      }),
    /** What reached the target so far, as `method who`. */
    seen: (): string[] => server.requests.all.map(described),
    /** The first request, past or to come, that is described so. */
    arrival: (text: string): Promise<SeenRequest> =>
      server.requests.find((request) => described(request) === text),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function described(request: SeenRequest): string {
  const { method } = request.method === "POST"
    ? JSON.parse(request.text())
    : request;
  return `${method} ${request.header("x-who")}`;
}

export function count(lines: readonly string[], wanted: string): number {
  return lines.filter((line) => line === wanted).length;
}
