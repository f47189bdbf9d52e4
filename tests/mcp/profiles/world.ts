import {
  type McpHandler,
  methods,
  openSession,
} from "../../support/raw/mcp.ts";
import type { RawReply, SeenRequest } from "../../support/raw/server.ts";
import type {
  ReadFrame,
  StreamClientOptions,
} from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A fetch that says who asks, in place of a signature. */
export const as = (who: string): typeof fetch => (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("x-who", who);
  return fetch(input, { ...init, headers });
};

export const PROFILES: ReadonlyMap<string, typeof fetch> = new Map([[
  "dev",
  as("dev"),
], ["prod", as("prod")]]);

/** Leaves what the second profile asks without an answer. */
export function hangForProd(answer: McpHandler): McpHandler {
  return (message, reply, request) =>
    request.header("x-who") === "prod"
      ? reply.hang()
      : answer(message, reply, request);
}

/** A target with sessions, and a client of two profiles before it. */
export class ProfilesWorld extends StreamWorld {
  /** Starts both. */
  static make(
    script: Record<string, McpHandler> = {},
    options: Partial<StreamClientOptions> = {},
  ): Promise<ProfilesWorld> {
    const profiles = { fetch: as("dev"), profiles: PROFILES };
    return ProfilesWorld.start(script, { ...profiles, ...options });
  }

  /** Answers an `initialize`, with a new session. */
  open(message: unknown, reply: RawReply): Promise<void> {
    return openSession(this.sessions, message, reply);
  }

  /** Calls a tool on behalf of a profile. */
  call(id: number, profile: string): void {
    this.client.request(id, "tools/call", {
      name: "x",
      arguments: { aws_profile: profile },
    });
  }

  /** The same; its answer. */
  async ask(id: number, profile: string): Promise<ReadFrame["json"]> {
    this.call(id, profile);
    return (await this.client.answer(id)).json;
  }

  /** What reached the target so far, as `method who`. */
  seen(): string[] {
    return this.server.requests.all.map(described);
  }

  /** The first request, past or to come, that is described so. */
  arrival(text: string): Promise<SeenRequest> {
    return this.server.requests.find((seen) => described(seen) === text);
  }
}

/** `method who` of a request. */
export function described(request: SeenRequest): string {
  return `${methods([request])} ${request.header("x-who")}`;
}

/** How often a line is there. */
export function count(lines: readonly string[], wanted: string): number {
  return lines.filter((line) => line === wanted).length;
}
