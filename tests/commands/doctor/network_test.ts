import { assertEquals, assertStringIncludes } from "@std/assert";
import { NOBODY } from "../../support/net/nobody.ts";
import { PrivateTarget } from "../../support/net/private_target.ts";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { diagnose } from "./run.ts";
import { KEYS_ALONE } from "./sts_peer.ts";

Deno.test("a host that nobody knows fails at its name, and what follows is skipped", async () => {
  const outcome = await diagnose(
    KEYS_ALONE,
    "https://no-such-host.invalid/mcp",
  );
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
  const outcome = await diagnose(KEYS_ALONE, `https://${NOBODY.host}/mcp`);
  assertEquals(outcome.step("dns").status, "ok");
  assertEquals(outcome.step("connect").status, "failed");
  assertStringIncludes(outcome.step("connect").detail, NOBODY.host);
  assertEquals(outcome.step("tls").status, "skipped");
});

Deno.test("a peer that speaks no TLS fails at TLS, and is sent no request", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const heard = answerInPlain(listener);
  const target = `https://127.0.0.1:${port}/mcp`;
  const outcome = await diagnose(KEYS_ALONE, target);
  assertEquals(outcome.step("connect").status, "ok");
  assertEquals(outcome.step("tls").status, "failed");
  assertStringIncludes(outcome.step("tls").advice.join(), "DENO_CERT");
  assertEquals(outcome.step("initialize").status, "skipped");
  assertEquals((await heard)[0], TLS_HANDSHAKE);
});

for (const demandsClient of [false, true]) {
  const what = demandsClient ? "mutual TLS" : "TLS";
  Deno.test(`${what} of a private authority is well with its files`, async () => {
    await using target = await PrivateTarget.start({
      demandsClient,
      maxVersion: "TLSv1.2",
    });
    const { directory, terminator } = target;
    const flags = [`--ca-cert=${directory}/root.pem`];
    if (demandsClient) {
      flags.push(`--client-cert=${directory}/client.pem`);
      flags.push(`--client-key=${directory}/client.key`);
    }
    const outcome = await diagnose(KEYS_ALONE, terminator.url, ...flags);
    // It has no tools to list.
    assertEquals(outcome.failed, ["tools"], outcome.stdout);
    assertEquals(outcome.step("tls").status, "ok");
    assertStringIncludes(outcome.step("tls").detail, "127.0.0.1");
    const names = new Set(terminator.clients.all);
    assertEquals([...names], demandsClient ? ["the client"] : [""]);
  });
}

Deno.test("a certificate that nobody vouches for fails at TLS, and the flag is named", async () => {
  await using target = await PrivateTarget.start();
  const tls = (await diagnose(KEYS_ALONE, target.terminator.url)).step("tls");
  assertEquals(tls.status, "failed");
  assertStringIncludes(tls.advice.join(), "--ca-cert FILE");
  assertEquals(target.server.requests.length, 0);
});

Deno.test("a target that closes on those without a certificate has the flags named", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  const root = `--ca-cert=${target.directory}/root.pem`;
  const outcome = await diagnose(KEYS_ALONE, target.terminator.url, root);
  assertEquals(outcome.failed, ["initialize"]);
  const { advice } = outcome.step("initialize");
  assertStringIncludes(advice.join(), "--client-cert");
});

Deno.test("a proxy of the environment is shown without its credentials, and is what is connected to", async () => {
  await using proxy = await RawServer.start(() => {});
  await using server = await RawServer.start(mcp({}));
  const HTTP_PROXY = `http://user:a-proxy-password@${proxy.url.host}`;
  const outcome = await diagnose({ ...KEYS_ALONE, HTTP_PROXY }, server.url);
  assertEquals(
    outcome.step("proxies").detail,
    `http://${proxy.url.host} (HTTP_PROXY)`,
  );
  assertEquals(outcome.step("connect").detail, `${proxy.url.host} answers`);
  assertEquals(outcome.step("tls").detail, "the proxy is in between");
  assertEquals(outcome.stdout.includes("a-proxy-password"), false);
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

Deno.test("what the environment says of proxies is told: that the target is in no need of one, and that one is no URL", async () => {
  await using server = await RawServer.start(mcp({}));
  const HTTP_PROXY = "http://proxy.example:3128";
  const exempt = await diagnose(
    { ...KEYS_ALONE, HTTP_PROXY, NO_PROXY: "127.0.0.1" },
    server.url,
  );
  assertEquals(
    exempt.step("proxies").detail,
    "none: the target is in NO_PROXY",
  );
  const faulty = await diagnose(
    { ...KEYS_ALONE, HTTP_PROXY: "http://" },
    server.url,
  );
  const { status, detail } = faulty.step("proxies");
  assertEquals([status, detail], ["failed", "HTTP_PROXY is no URL"]);
});
