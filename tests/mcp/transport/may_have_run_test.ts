/** What each end of a call tells of whether the target may have run it. */
import { assertEquals } from "@std/assert";
import type { Credentials } from "../../../src/aws/credentials/types.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { Arrivals } from "../../support/arrivals.ts";
import { HttpProxy } from "../../support/program/http_proxy.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { mcp, type McpHandler, request } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream/client.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
} from "../../support/aws/test_identity.ts";

interface End {
  /** What answers the call; nobody, where there is none. */
  readonly call?: McpHandler;
  readonly limits?: {
    readonly timeoutMs?: number;
    readonly idleTimeoutMs?: number;
  };
  /** Gives credentials, the n-th time from 1; at once by default. */
  readonly credentials?: (n: number) => Promise<Credentials>;
  /** When the proxy is told to stop. */
  readonly stopsAt?: "target" | "credentials" | "refresh";
  readonly reason: string;
  /** Nothing where the target's status says it. */
  readonly mayHaveRun: boolean | undefined;
  readonly says: RegExp;
}

const never = () => new Promise<never>(() => {});
const hang: McpHandler = (_message, reply) => reply.hang();
const status = (code: number): McpHandler => (_message, reply) =>
  reply.status(code);

const ENDS: Readonly<Record<string, End>> = {
  "that nobody takes": {
    reason: "unreachable",
    mayHaveRun: false,
    says: /^cannot connect to /,
  },
  "whose connection breaks before the answer": {
    call: (_message, reply) => reply.reset(),
    reason: "unreachable",
    mayHaveRun: true,
    says: /^the connection to .* failed before an answer came: /,
  },
  "whose stream ends": {
    call: async (_message, reply) => await (await reply.sse()).end(),
    reason: "stream-cut",
    mayHaveRun: true,
    says: /^the target ended its answer before it was complete/,
  },
  "that meets silence": {
    call: hang,
    limits: { idleTimeoutMs: 50 },
    reason: "timeout",
    mayHaveRun: true,
    says: /^nothing (?:came from the target|moved) for 50 ms; idleTimeoutMs /,
  },
  "that takes too long": {
    call: hang,
    limits: { timeoutMs: 50 },
    reason: "timeout",
    mayHaveRun: true,
    says: /^the target did not finish its answer within 50 ms; timeoutMs /,
  },
  "that is under way at a stop": {
    call: hang,
    stopsAt: "target",
    reason: "shutting-down",
    mayHaveRun: true,
    says: /^the proxy is stopping;/,
  },
  "that waits for credentials at a stop": {
    call: hang,
    credentials: never,
    stopsAt: "credentials",
    reason: "shutting-down",
    mayHaveRun: false,
    says: /^the proxy is stopping, and there were no credentials yet$/,
  },
  "whose credentials take longer than the idle limit": {
    call: hang,
    credentials: never,
    limits: { idleTimeoutMs: 50 },
    reason: "timeout",
    mayHaveRun: false,
    says: /^no credentials came within 50 ms; idleTimeoutMs sets this limit$/,
  },
  "whose credentials take longer than its time": {
    call: hang,
    credentials: never,
    limits: { timeoutMs: 50 },
    reason: "timeout",
    mayHaveRun: false,
    says: /^no credentials came within 50 ms; timeoutMs sets this limit$/,
  },
  "that waits for fresh credentials at a stop, since the first were refused": {
    call: (_message, reply) =>
      reply.json({ message: "The security token is expired" }, 403, {
        "x-amzn-errortype": "ExpiredTokenException",
      }),
    credentials: (n) => n === 1 ? Promise.resolve(TEST_CREDENTIALS) : never(),
    stopsAt: "refresh",
    reason: "shutting-down",
    mayHaveRun: false,
    says: /^the proxy is stopping, and there were no credentials yet$/,
  },
  "for which there are no credentials": {
    call: hang,
    credentials: () => Promise.reject(new CredentialsError("none are there")),
    reason: "credentials",
    mayHaveRun: false,
    says: /^none are there$/,
  },
};

/** HTTP errors are handed on as they came in HTTP server mode. */
const STATUSES: Readonly<Record<string, End>> = {
  "that a gateway could not hand on": {
    call: status(502),
    reason: "http-status",
    mayHaveRun: true,
    says: /^the target answered HTTP 502/,
  },
  "that came too soon": {
    call: status(429),
    reason: "http-status",
    mayHaveRun: false,
    says: /^the target answered HTTP 429/,
  },
  "at which the target failed": {
    call: status(500),
    reason: "http-status",
    mayHaveRun: undefined,
    says: /^the target answered HTTP 500/,
  },
};

/** A target that answers so, and what sends to it. */
async function world({ call, credentials }: End, stack: AsyncDisposableStack) {
  const server = stack.use(
    await RawServer.start(mcp(call ? { "tools/call": call } : {})),
  );
  const asked = new Arrivals<string>("request for credentials");
  const url = call ? server.url : NOBODY;
  const fetch = stack.use(createSignedFetch({
    ...TEST_SCOPE,
    origin: url,
    credentials: {
      get() {
        asked.add("one");
        return credentials?.(asked.length) ?? Promise.resolve(TEST_CREDENTIALS);
      },
    },
  }));
  const reached = {
    target: () => server.requests.at(0),
    credentials: () => asked.at(0),
    refresh: () => asked.at(1),
  };
  return { url, fetch, reached };
}

// deno-lint-ignore no-explicit-any
function check({ reason, mayHaveRun, says }: End, error: any) {
  assertEquals(
    [error.data.reason, error.data.mayHaveRun, says.test(error.message)],
    [reason, mayHaveRun, true],
    error.message,
  );
  const isSaid = error.message.endsWith("; the request may have run");
  assertEquals(isSaid, mayHaveRun === true, error.message);
}

/** What stands before the upstream, and looks at what comes back. */
const LAYERS: Readonly<
  Record<string, (send: typeof fetch) => Partial<StreamClientOptions>>
> = {
  "no layer": () => ({}),
  "a tool policy": () => ({ tools: { deny: ["other"] } }),
  "profiles": (send) => ({ profiles: new Map([["a", send], ["b", send]]) }),
  "receipts": () => ({ receiptOf: () => Promise.resolve("{}") }),
};

for (const [what, end] of Object.entries({ ...ENDS, ...STATUSES })) {
  for (const [era, params] of [["legacy", {}], ["modern", modern()]] as const) {
    Deno.test(`over stdio a call ${what} tells as much as is known of whether it ran, whatever stands before it (${era})`, async () => {
      const layers = Object.values(LAYERS);
      // The bridge asks before the first call of the modern era.
      if (!end.credentials && !end.stopsAt) {
        layers.push(() => ({ bridge: true }));
      }
      for (const layer of layers) {
        await using stack = new AsyncDisposableStack();
        const { url, fetch, reached } = await world(end, stack);
        const client = stack.use(
          new StreamClient({
            url,
            fetch,
            retries: 0,
            ...end.limits,
            ...layer(fetch),
          }),
        );
        client.request(1, "tools/call", { name: "t", ...params });
        if (end.stopsAt) {
          await reached[end.stopsAt]();
          client.stop();
        }
        check(end, (await client.answer(1)).json.error);
      }
    });
  }
}

for (const [what, end] of Object.entries(ENDS)) {
  // There the answer has begun, and is cut.
  if (end.reason === "stream-cut") continue;
  Deno.test(`in HTTP server mode a call ${what} tells as much as is known of whether it ran`, async () => {
    await using stack = new AsyncDisposableStack();
    const { url, fetch, reached } = await world(end, stack);
    const proxy = stack.use(
      await HttpProxy.start({ target: url, fetch, drainMs: 1, ...end.limits }),
    );
    const posted = proxy.post(request("tools/call"));
    if (end.stopsAt) {
      await reached[end.stopsAt]();
      void proxy.stop();
    }
    check(end, (await (await posted).json()).error);
  });
}
