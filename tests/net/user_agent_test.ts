import { assert, assertEquals } from "@std/assert";
import {
  productOf,
  productsIn,
  userAgent,
  withUserAgent,
} from "../../src/net/user_agent.ts";
import { VERSION } from "../../src/version.ts";

Deno.test("whatever a client calls itself is a product, or nothing", () => {
  for (
    const [info, product] of [
      [{ name: "claude-code", version: "2.1.0" }, "claude-code/2.1.0"],
      [
        { name: "Visual Studio Code", version: "1.99 (Insiders)" },
        "Visual-Studio-Code/1.99-Insiders",
      ],
      [{ name: "a/b", version: "1/2" }, "a-b/1-2"],
      [{ name: "a\r\nX-Evil: 1", version: "1" }, "a-X-Evil-1/1"],
      [{ name: "naïve\u0000", version: "🦕" }, "na-ve"],
      [{ name: "クライアント", version: "1" }, ""],
      [{ name: "", version: "1" }, ""],
      [{ name: "--- a ---", version: "-" }, "a"],
      [{ name: "n" }, "n"],
      [{ name: "n", version: 3 }, "n"],
      [{ name: ["n"], version: "1" }, ""],
      [
        { name: "n".repeat(2_000_000), version: "v".repeat(99) },
        `${"n".repeat(64)}/${"v".repeat(32)}`,
      ],
      [{ version: "1" }, ""],
      [{}, ""],
      [[], ""],
      ["name", ""],
      [null, ""],
      [undefined, ""],
      [7, ""],
    ] as const
  ) assertEquals(productOf(info), product, JSON.stringify(info)?.slice(0, 80));
});

Deno.test("of a User-Agent that a client brings, products and comments are left, and no more than fits", () => {
  for (
    const [header, products] of [
      ["node", "node"],
      ["python-httpx/0.28.1", "python-httpx/0.28.1"],
      [
        "Mozilla/5.0 (X11; Linux x86_64) Gecko/1  Firefox/9",
        "Mozilla/5.0 (X11; Linux x86_64) Gecko/1 Firefox/9",
      ],
      ['a/1 "b" c/2 (no end', "a/1 c/2 no end"],
      ["\u00e9/1 b/2 (\u00e9)", "b/2"],
      ["a/1/2 , ;", ""],
      ["", ""],
      ["(".repeat(100_000), ""],
      [`a/1 ${"b".repeat(300)} c/2`, "a/1"],
    ] as const
  ) assertEquals(productsIn(header), products, header.slice(0, 80));
  assert(productsIn("ab ".repeat(1000)).length <= 256);
});

Deno.test("a fetch says who asks over headers of every form", async () => {
  const seen: unknown[] = [];
  const fetch = withUserAgent((_input, init) => {
    seen.push(Object.fromEntries(new Headers(init?.headers)));
    return Promise.resolve(new Response());
  }, () => "client/1");
  const given: (HeadersInit | undefined)[] = [
    undefined,
    { a: "1" },
    [["a", "1"]],
    new Headers({ a: "1" }),
  ];
  const url = new URL("http://x.example/");
  for (const headers of given) await fetch(url, { headers });
  await fetch(url, undefined);
  const own = { "user-agent": `sigv4-proxy/${VERSION} client/1` };
  const both = { a: "1", ...own };
  assertEquals(seen, [own, both, both, both, own]);
  assertEquals(userAgent(), `sigv4-proxy/${VERSION}`);
});
