/** Whole-program tests: the HTTP proxies that variables name. */
import {
  assertEquals,
  assertNotMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { ConnectProxy } from "./connect_proxy.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { PrivateTarget } from "../support/net/private_target.ts";

Deno.test("HTTPS_PROXY and NO_PROXY hold with the usual roots", async () => {
  await using target = await PrivateTarget.start();
  await using way = await ConnectProxy.start();
  for (const NO_PROXY of [undefined, "localhost,127.0.0.0/8"]) {
    await using proxy = await ProxyProcess.start({
      target: target.terminator.url,
      denoFlags: [`--cert=${target.directory}/root.pem`],
      env: { https_proxy: way.url, NO_PROXY },
    });
    assertObjectMatch((await proxy.request("ping")).value as object, {
      result: {},
    });
    assertEquals(way.tunnels.all, [target.terminator.url.host]);
  }
});

Deno.test("HTTPS_PROXY and NO_PROXY hold with certificates of one's own, too", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  await using way = await ConnectProxy.start();
  const args = [
    "--ca-cert=DIR/root.pem",
    "--client-cert=DIR/client.pem",
    "--client-key=DIR/client.key",
  ];
  {
    await using proxy = await target.proxy(
      args,
      { HTTPS_PROXY: way.url },
      {},
      "start",
    );
    assertObjectMatch((await proxy.request("ping")).value as object, {
      result: {},
    });
  }
  assertEquals(way.tunnels.all, [target.terminator.url.host]);
  await using proxy = await target.proxy(
    args,
    {
      HTTPS_PROXY: way.url,
      NO_PROXY: "127.0.0.1",
    },
    {},
    "start",
  );
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
  assertEquals(way.tunnels.length, 1);
  assertEquals(target.terminator.clients.all, ["the client", "the client"]);
});

Deno.test("a proxy that refuses is named, and the target is not blamed", async () => {
  await using target = await PrivateTarget.start();
  const gone = await ConnectProxy.start();
  await gone[Symbol.asyncDispose]();
  const { host, port } = new URL(gone.url);
  await using stranger = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("who are you?", { status: 407 }),
  );
  const asking = `http://127.0.0.1:${stranger.addr.port}`;
  for (
    const [url, env, words] of [
      [
        target.terminator.url,
        { HTTPS_PROXY: `http://me:hunter2@127.0.0.1:${port}` },
        `through the HTTP proxy http://${host} (HTTPS_PROXY): `,
      ],
      [
        new URL("http://192.0.2.1/mcp"),
        {
          HTTP_PROXY: asking.replace("//", "//me:hunter2@"),
          MCP_ALLOW_HTTP: "true",
        },
        `the HTTP proxy ${asking} (HTTP_PROXY) wants to know who asks (HTTP 407): put valid user:password@ before`,
      ],
    ] as const
  ) {
    await using proxy = await ProxyProcess.start({
      target: url,
      args: ["--retries=0"],
      env: { ...env, NO_PROXY: undefined },
    });
    const { value } = await proxy.request("ping");
    const text = JSON.stringify(value);
    assertStringIncludes(text, words);
    assertNotMatch(text + proxy.stderr, /hunter2/);
  }
});
