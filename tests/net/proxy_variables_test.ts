import { assertEquals } from "@std/assert";
import { findHttpProxy } from "../../src/net/proxy_variables.ts";

const HTTPS = new URL("https://abc.execute-api.eu-west-1.amazonaws.com/mcp");
const HTTP = new URL("http://10.1.2.3/mcp");
const PROXY = "http://proxy.example:3128";

function find(env: Record<string, string>, target: URL) {
  return findHttpProxy((name) => env[name], target);
}

Deno.test("the proxy for a target is found as Deno finds it", () => {
  for (
    const [env, target, found] of [
      [{}, HTTPS, undefined],
      [{ HTTPS_PROXY: PROXY }, HTTPS, "HTTPS_PROXY proxy.example:3128"],
      [{ HTTPS_PROXY: PROXY }, HTTP, undefined],
      [
        { all_proxy: "proxy.example:1080" },
        HTTP,
        "all_proxy proxy.example:1080",
      ],
    ] as [Record<string, string>, URL, string | undefined][]
  ) {
    const { proxy } = find(env, target);
    assertEquals(proxy && `${proxy.variable} ${proxy.url.host}`, found);
  }
  assertEquals(find({ https_proxy: "http://" }, HTTPS).faulty, "https_proxy");
  const HTTPS_PROXY = "http://user:word@proxy.example:3128";
  assertEquals(find({ HTTPS_PROXY }, HTTPS).proxy?.url.href, `${PROXY}/`);
});

Deno.test("NO_PROXY exempts hosts, domains and networks, and none that only ends alike", () => {
  const exemption = (NO_PROXY: string, target: URL) =>
    find({ ALL_PROXY: PROXY, NO_PROXY }, target).exemption;
  for (
    const [entries, target] of [
      ["*", HTTPS],
      ["example, .amazonaws.com", HTTPS],
      ["amazonaws.com", HTTPS],
      [HTTPS.hostname, HTTPS],
      ["10.0.0.0/8", HTTP],
      ["10.1.2.3", HTTP],
    ] as const
  ) assertEquals(exemption(entries, target), "NO_PROXY", entries);
  for (const entries of ["aws.com", "zonaws.com", "11.0.0.0/8", "10.1.2"]) {
    for (const target of [HTTPS, HTTP]) {
      assertEquals(exemption(entries, target), undefined, entries);
    }
  }
});
