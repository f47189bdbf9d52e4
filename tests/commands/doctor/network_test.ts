import { assertEquals, assertStringIncludes } from "@std/assert";
import { findHttpProxy } from "../../../src/net/proxy_variables.ts";
import { NOBODY } from "../../support/nobody.ts";
import { Authority } from "../../support/certificates.ts";
import { mcp, result } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { TlsFront } from "../../support/tls_front.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose } from "./run.ts";

const NO_STS = { ...TEST_KEYS, AWS_ENDPOINT_URL_STS: "http://127.0.0.1:9" };

Deno.test("a host that nobody knows fails at its name, and what follows is skipped", async () => {
  await using world = await CommandWorld.make(NO_STS);
  const outcome = await diagnose(world, "https://no-such-host.invalid/mcp");
  assertEquals(outcome.code, 1);
  const { status, detail, advice } = outcome.step("dns");
  assertEquals(status, "failed");
  assertStringIncludes(detail, "no-such-host.invalid");
  assertStringIncludes(advice.join(), "check the host");
  for (const id of ["connect", "tls", "clock", "initialize", "end"]) {
    assertEquals(outcome.step(id).status, "skipped", id);
  }
});

Deno.test("a port that nobody listens at fails at the connection", async () => {
  await using world = await CommandWorld.make(NO_STS);
  const outcome = await diagnose(world, `https://${NOBODY.host}/mcp`);
  assertEquals(outcome.step("dns").status, "ok");
  assertEquals(outcome.step("connect").status, "failed");
  assertStringIncludes(outcome.step("connect").detail, NOBODY.host);
  assertEquals(outcome.step("tls").status, "skipped");
});

Deno.test("a peer that speaks no TLS fails at TLS, and is sent no request", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const heard = answerInPlain(listener);
  await using world = await CommandWorld.make(NO_STS);
  const outcome = await diagnose(world, `https://127.0.0.1:${port}/mcp`);
  assertEquals(outcome.step("connect").status, "ok");
  assertEquals(outcome.step("tls").status, "failed");
  assertStringIncludes(outcome.step("tls").advice.join(), "DENO_CERT");
  assertEquals(outcome.step("initialize").status, "skipped");
  assertEquals((await heard)[0], TLS_HANDSHAKE);
});

/** A target behind TLS of a private authority. */
async function privateTarget(
  world: CommandWorld,
  server: RawServer,
  demandsClient = false,
): Promise<{ front: TlsFront; flags: string[] }> {
  const authority = new Authority({ name: "a private root" });
  const client = authority.issue({ name: "the client" });
  const front = await TlsFront.start({
    to: server.url,
    identity: authority.issue({ name: "the target" }),
    ...(demandsClient && { clientRoot: authority.cert }),
  });
  const flags = [
    "--ca-cert",
    await world.write("root.pem", authority.cert),
    ...(demandsClient
      ? [
        "--client-cert",
        await world.write("client.pem", client.cert),
        "--client-key",
        await world.write("client.key", client.key),
      ]
      : []),
  ];
  return { front, flags };
}

for (const demandsClient of [false, true]) {
  const what = demandsClient ? "mutual TLS" : "TLS";
  Deno.test(`${what} of a private authority is well with its files`, async () => {
    await using server = await RawServer.start(mcp({
      "tools/list": (message, reply) =>
        reply.json(result(message, { tools: [] })),
    }));
    await using world = await CommandWorld.make(NO_STS);
    const { front, flags } = await privateTarget(world, server, demandsClient);
    await using _front = front;
    const outcome = await diagnose(world, front.url, ...flags);
    assertEquals(outcome.code, 0, outcome.stdout);
    const tls = outcome.step("tls");
    assertEquals(tls.status, "ok");
    assertStringIncludes(tls.detail, "127.0.0.1");
    const names = new Set(front.clients.all);
    assertEquals([...names], demandsClient ? ["the client"] : [""]);
  });
}

Deno.test("a certificate that nobody vouches for fails at TLS, and the flag is named", async () => {
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make(NO_STS);
  const { front } = await privateTarget(world, server);
  await using _front = front;
  const outcome = await diagnose(world, front.url);
  const tls = outcome.step("tls");
  assertEquals(tls.status, "failed");
  assertStringIncludes(tls.advice.join(), "--ca-cert FILE");
  assertEquals(server.requests.length, 0);
});

Deno.test("a target that closes on those without a certificate has the flags named", async () => {
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make(NO_STS);
  const { front, flags } = await privateTarget(world, server, true);
  await using _front = front;
  const outcome = await diagnose(world, front.url, ...flags.slice(0, 2));
  const failed = outcome.steps.filter(({ status }) => status === "failed");
  assertEquals(failed.map(({ id }) => id), ["initialize"]);
  assertStringIncludes(failed[0].advice.join(), "--client-cert");
});

Deno.test("a proxy of the environment is shown without its credentials, and is what is connected to", async () => {
  await using proxy = await RawServer.start(() => {});
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make({
    ...NO_STS,
    HTTP_PROXY: `http://user:a-proxy-password@${proxy.url.host}`,
  });
  const outcome = await diagnose(world, server.url);
  assertEquals(
    outcome.step("proxies").detail,
    `http://${proxy.url.host} (HTTP_PROXY)`,
  );
  assertEquals(outcome.step("connect").detail, `${proxy.url.host} answers`);
  assertEquals(outcome.step("tls").detail, "the proxy is in between");
  assertEquals(outcome.stdout.includes("a-proxy-password"), false);
});

Deno.test("the proxy for a target is found as Deno finds it", () => {
  const https = new URL("https://abc.execute-api.eu-west-1.amazonaws.com/mcp");
  const http = new URL("http://10.1.2.3/mcp");
  const proxyOf = (env: Record<string, string>, target: URL) => {
    const { proxy, exemption, faulty } = findHttpProxy(
      (name) => env[name],
      target,
    );
    return proxy ? `${proxy.variable} ${proxy.url.host}` : exemption ?? faulty;
  };
  const HTTPS_PROXY = "http://proxy.example:3128";
  const withPassword = { HTTPS_PROXY: "http://user:word@proxy.example:3128" };
  assertEquals(
    findHttpProxy((name) => Reflect.get(withPassword, name), https).proxy?.url
      .href,
    "http://proxy.example:3128/",
  );
  assertEquals(proxyOf({}, https), undefined);
  assertEquals(
    proxyOf({ HTTPS_PROXY }, https),
    "HTTPS_PROXY proxy.example:3128",
  );
  assertEquals(proxyOf({ HTTPS_PROXY }, http), undefined);
  assertEquals(
    proxyOf({ all_proxy: "proxy.example:1080" }, http),
    "all_proxy proxy.example:1080",
  );
  assertEquals(proxyOf({ https_proxy: "http://" }, https), "https_proxy");
  for (
    const [entries, target] of [
      ["*", https],
      ["example, .amazonaws.com", https],
      ["amazonaws.com", https],
      [https.hostname, https],
      ["10.0.0.0/8", http],
      ["10.1.2.3", http],
    ] as const
  ) {
    const env = { ALL_PROXY: HTTPS_PROXY, NO_PROXY: entries };
    assertEquals(proxyOf(env, target), "NO_PROXY", entries);
  }
  for (const entries of ["aws.com", "zonaws.com", "11.0.0.0/8", "10.1.2"]) {
    const env = { ALL_PROXY: HTTPS_PROXY, NO_PROXY: entries };
    assertEquals(
      [proxyOf(env, https), proxyOf(env, http)],
      Array(2).fill("ALL_PROXY proxy.example:3128"),
      entries,
    );
  }
});

/** The first byte of a TLS client (RFC 8446, "TLSPlaintext"). */
const TLS_HANDSHAKE = 22;

/**
 * Answers in plain text on the second connection, the first being closed
 * unused, and gives what it heard there.
 */
async function answerInPlain(listener: Deno.TcpListener): Promise<Uint8Array> {
  (await listener.accept()).close();
  using conn = await listener.accept();
  const heard = new Uint8Array(1024);
  await conn.read(heard);
  await conn.write(
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
  );
  return heard;
}
