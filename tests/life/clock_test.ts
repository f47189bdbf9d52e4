/** Its clock jumps, and it stands still while the world goes on. */
import { assertEquals } from "@std/assert";
import { IamGate } from "../support/aws/iam_gate.ts";
import { INITIALIZED, result } from "../support/raw/mcp.ts";
import {
  NO_KEYS,
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import type { ProxyProcess } from "../support/program/proxy_process.ts";
import { call, isWindows, type Surface, SURFACES } from "./surfaces.ts";

/** Makes the clock of a program jump, and waits until it has. */
async function jump(
  proxy: ProxyProcess,
  signal: "SIGUSR1" | "SIGUSR2",
  offsetMs: number,
): Promise<void> {
  const seen = proxy.log.length;
  proxy.signal(signal);
  await proxy.waitForLog((line) =>
    line.field("clockOffsetMs") === offsetMs &&
    proxy.log.all.indexOf(line) >= seen
  );
}

const HOUR_MS = 3_600_000;
const JUMPING_CLOCK = [
  "--preload",
  new URL("./jumping_clock.ts", import.meta.url).href,
];

/** A target that takes what is rightly signed, by a clock that is right. */
function startGate(runs: unknown[]): Promise<IamGate> {
  return IamGate.start({
    verifier: TEST_VERIFIER,
    handler: ({ rawBody, method }, response) => {
      if (method !== "POST") return void response.writeHead(405).end();
      const message = JSON.parse(rawBody.toString());
      if (message.id === undefined) return void response.writeHead(202).end();
      const isFirst = message.method === "initialize";
      if (!isFirst) runs.push(message.id);
      response.setHeader("content-type", "application/json");
      const answer = result(message, isFirst ? INITIALIZED : {});
      response.end(JSON.stringify(answer));
    },
  });
}

/** A clock jumps away from the right time, and then back to it. */
async function callAcrossJumps(
  surface: Surface,
  direction: "ahead" | "back",
): Promise<void> {
  const { proxy } = surface;
  const ask = async (id: number) =>
    assertEquals(await surface.ask(call(id)), {
      jsonrpc: "2.0",
      id,
      result: {},
    });
  await ask(1);
  const isAhead = direction === "ahead";
  const [away, home] = isAhead
    ? ["SIGUSR2", "SIGUSR1"] as const
    : ["SIGUSR1", "SIGUSR2"] as const;
  await jump(proxy, away, isAhead ? HOUR_MS : -HOUR_MS);
  await ask(2);
  await jump(proxy, home, 0);
  await ask(3);
}

const WAYS = Object.entries(SURFACES).flatMap(([name, start]) =>
  (["ahead", "back"] as const).map((direction) =>
    [name, start, direction] as const
  )
);

for (const [surface, start, direction] of WAYS) {
  Deno.test({
    name:
      `a clock that jumps an hour ${direction}, and returns, costs no call over ${surface}`,
    ignore: isWindows,
    async fn() {
      const runs: unknown[] = [];
      await using gate = await startGate(runs);
      await using program = await start({
        target: new URL("/mcp", gate.origin),
        denoFlags: JUMPING_CLOCK,
      });
      await callAcrossJumps(program, direction);
      assertEquals(runs, [1, 2, 3]);
    },
  });

  Deno.test({
    name: `nor does it where credentials of half an hour look ${
      direction === "ahead" ? "expired" : "fresh"
    } by it over ${surface}`,
    ignore: isWindows,
    async fn() {
      const runs: unknown[] = [];
      await using gate = await startGate(runs);
      await using container = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () =>
          Response.json({
            AccessKeyId: TEST_CREDENTIALS.accessKeyId,
            SecretAccessKey: TEST_CREDENTIALS.secretAccessKey,
            Token: TEST_CREDENTIALS.sessionToken,
            Expiration: new Date(Date.now() + HOUR_MS / 2).toISOString(),
          }),
      );
      const host = `127.0.0.1:${container.addr.port}`;
      await using program = await start({
        target: new URL("/mcp", gate.origin),
        denoFlags: JUMPING_CLOCK,
        permissions: { net: [host] },
        env: {
          ...NO_KEYS,
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${host}/creds`,
        },
      });
      await callAcrossJumps(program, direction);
      assertEquals(runs, [1, 2, 3]);
    },
  });
}
