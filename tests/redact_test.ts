/** What a redactor knows a secret by, and what it lets be. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
} from "@std/assert";
import { Redactor } from "../src/redact.ts";

const TOKEN = "IQoJb3JpZ2luX2VjEA/+abcdef+ghi/jkl==";
const SIGNATURE = "0123456789abcdef".repeat(4);

Deno.test("a secret is known in each form that a target may repeat it in", async (t) => {
  const twice = encodeURIComponent(encodeURIComponent(TOKEN));
  for (
    const [name, form] of [
      ["plain", TOKEN],
      ["percent-encoded", encodeURIComponent(TOKEN)],
      ["lower-case codes", TOKEN.replaceAll("/", "%2f").replaceAll("+", "%2b")],
      ["percent-encoded twice", twice],
      ["PHP's JSON", TOKEN.replaceAll("/", "\\/")],
      ["Gson's JSON", TOKEN.replaceAll("=", "\\u003d")],
      ["JSON in JSON", TOKEN.replaceAll("=", "\\\\u003d")],
      [
        "Mustache's HTML",
        TOKEN.replaceAll("=", "&#x3D;").replaceAll("/", "&#x2F;"),
      ],
      ["decimal references", TOKEN.replaceAll("=", "&#61;")],
      ["a decoded form", TOKEN.replaceAll("+", " ")],
      ["cut short", TOKEN.slice(0, -3)],
      ["cut shorter", TOKEN.slice(0, 24)],
    ]
  ) {
    await t.step(name, () => {
      const redactor = new Redactor();
      redactor.addCredential(TOKEN);
      assertEquals(redactor.redact(`>${form}<`), ">[redacted]<");
    });
  }
});

Deno.test("a signature is known in each form, whole and cut short", async (t) => {
  for (
    const form of [
      `Signature=${SIGNATURE}`,
      `X-Amz-Signature%3D${SIGNATURE}`,
      `X-Amz-Signature%253D${SIGNATURE}`,
      `Signature\\u003d${SIGNATURE}`,
      `\\u003d${SIGNATURE}`,
      `Signature&#x3D;${SIGNATURE}`,
      `"Signature":"${SIGNATURE}"`,
      `Signature => ${SIGNATURE}`,
      `sig_${SIGNATURE}`,
      `Signature=${SIGNATURE.slice(0, 20)}`,
      SIGNATURE.slice(0, -1),
      `30${"ab".repeat(69)}`,
    ]
  ) {
    await t.step(form, () => {
      const shown = new Redactor().redact(form);
      assertStringIncludes(shown, "[redacted]");
      assertFalse(shown.includes(SIGNATURE.slice(0, 12)), shown);
    });
  }
});

Deno.test("words, media types and addresses that are values are let be", () => {
  const redactor = new Redactor();
  const words = [
    "accepted",
    "production",
    "application/json",
    "application/json, text/event-stream",
    "https://example.com/mcp",
  ];
  for (const word of words) {
    redactor.add(word);
    redactor.addSetting(word);
  }
  const text = words.join(" | ");
  assertEquals(redactor.redact(text), text);
  const commit = "the commit 0123456789abcdef0123456789abcdef01234567";
  assertEquals(redactor.redact(commit), commit);
});

Deno.test("the name of the token's header hides nothing of the next line", () => {
  const text = "x-amz-security-token:\nx-amz-date:20260101T000000Z-and-more";
  assertEquals(new Redactor().redact(text), text);
  assertEquals(
    new Redactor().redact(`x-amz-security-token: ${"a".repeat(20)} b`),
    "x-amz-security-token: [redacted] b",
  );
});

Deno.test("the credentials of an authorization header are known without its scheme", () => {
  const redactor = new Redactor();
  redactor.addSetting("Bearer a-key-that-is-secret");
  assertEquals(redactor.redact("key a-key-that-is-secret"), "key [redacted]");
});

Deno.test("what comes and goes never pushes credentials out", () => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  for (let n = 0; n < 1000; n++) redactor.add(`cookie-value-number-${n}-end`);
  assertEquals(redactor.redact(TOKEN), "[redacted]");
});

Deno.test("a cookie that repeats a secret does not take it along when it goes", () => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  redactor.add("a-session-id-of-the-target");
  for (const value of [TOKEN, "a-session-id-of-the-target"]) {
    redactor.add(value);
    redactor.remove(value);
    assertEquals(redactor.redact(value), "[redacted]");
  }
});

Deno.test("a secret that is removed is none", () => {
  const redactor = new Redactor();
  redactor.add("first-value-0001");
  redactor.add("another-secret-0001");
  redactor.add("a-value-that-stays-1");
  redactor.remove("another-secret-0001");
  assertEquals(
    redactor.redact(
      "first-value-0001 another-secret-0001 a-value-that-stays-1",
    ),
    "[redacted] another-secret-0001 [redacted]",
  );
});

Deno.test("a secret that another begins with leaves nothing of the other", () => {
  const redactor = new Redactor();
  redactor.addCredential("session-1");
  redactor.addCredential("session-1-abcdefghij");
  assertEquals(redactor.redact("id session-1-abcdefghij"), "id [redacted]");
});

Deno.test("an added value is looked at no closer until a text holds a part of it", () => {
  // Each regular expression that is made costs; two cookies an answer are usual.
  const redactor = new Redactor();
  let made = 0;
  const Original = RegExp;
  try {
    globalThis.RegExp = new Proxy(Original, {
      construct(target, args) {
        made++;
        return Reflect.construct(target, args);
      },
    });
    for (let n = 0; n < 100; n++) {
      redactor.add(`cookie/value/${n}==`);
      redactor.redact("nothing of it");
      redactor.remove(`cookie/value/${n}==`);
    }
  } finally {
    globalThis.RegExp = Original;
  }
  assertEquals(made, 0);
});

Deno.test("a hostile text is read in time that grows with its length alone", () => {
  const redactor = new Redactor();
  redactor.addCredential("/+=/+=/+=/+=/+=/+=/+=/+=/+=");
  redactor.addCredential(TOKEN);
  const start = performance.now();
  for (
    const part of ["\\", "%25", " ", "signature", "signature=", '"', "/+="]
  ) {
    redactor.redact(part.repeat(2 ** 18));
  }
  // Seconds beyond count are those of a quadratic search: minutes.
  assert(performance.now() - start < 20_000);
});
