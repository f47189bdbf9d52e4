import type { Credentials } from "../../../src/aws/credentials/types.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { CredentialsError } from "../../../src/errors.ts";
import type { Login, LoginPage } from "../../../src/login.ts";
import { Arrivals } from "../../support/arrivals.ts";
import { mcp, type McpHandler, Sessions } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import {
  type ReadFrame,
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream/client.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";
import { StreamWorld } from "../../support/stream/world.ts";

export const OPENS_PAGES = { capabilities: { elicitation: { url: {} } } };

export const PAGE: LoginPage = {
  url: "https://example.com/",
  message: "Sign in.",
};

/** What {@linkcode world} gives. */
export interface World extends StreamWorld {
  /** Requests that came to wait for a login. */
  readonly found: Arrivals<unknown>;
  /** The logins that have begun. */
  readonly begun: readonly PromiseWithResolvers<void>[];
  /** Ends the session that signs. */
  end(): void;
}

/** A target that demands a signature, and who signs, as long as it is set. */
export async function world(
  script: Record<string, McpHandler> = {},
  options: Partial<StreamClientOptions> = {},
): Promise<World> {
  const sessions = new Sessions();
  const server = await RawServer.start({
    handler: mcp(script, sessions),
    verifier: TEST_VERIFIER,
  });
  const identity: { keys?: Credentials } = { keys: TEST_CREDENTIALS };
  const over = new CredentialsError("the session is over");
  const begun: PromiseWithResolvers<void>[] = [];
  const found = new Arrivals<unknown>("request that a login would help");
  const login: Login = {
    key: "session",
    async begin(show, signal) {
      const done = Promise.withResolvers<void>();
      begun.push(done);
      show(PAGE).catch(done.reject);
      signal.addEventListener("abort", () => done.reject(signal.reason));
      await done.promise;
      identity.keys = TEST_CREDENTIALS;
    },
  };
  const client = new StreamClient({
    url: server.url,
    fetch: createSignedFetch({
      origin: server.url,
      ...TEST_SCOPE,
      credentials: {
        get: () =>
          identity.keys ? Promise.resolve(identity.keys) : Promise.reject(over),
      },
    }),
    findLogin(failure) {
      if (failure !== over) return undefined;
      found.add(failure);
      return login;
    },
    ...options,
  });
  return Object.assign(new StreamWorld(server, client, sessions), {
    found,
    begun,
    end: () => void (identity.keys = undefined),
  });
}

/** A session in use that has just ended. */
export async function ended(w: World): Promise<void> {
  await w.client.initialize(OPENS_PAGES);
  await w.server.requests.at(1);
  w.end();
}

/** The next question of the proxy's that reaches the client. */
export async function question(w: World): Promise<ReadFrame["json"]> {
  for (;;) {
    const { json } = await w.client.next();
    if (json.method === "elicitation/create") return json;
  }
}

/** Calls a tool; the question that this leads to. */
export function asked(w: World, id: number): Promise<ReadFrame["json"]> {
  w.client.request(id, "tools/call", { name: "x" });
  return question(w);
}
