/** What a redactor knows a secret by, and what it lets be. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
} from "@std/assert";
import { maskAccessKeyId, Redactor } from "../../src/redact/redact.ts";
import { cpuMs } from "../support/time/cpu_time.ts";

Deno.test("of an access key ID the first and the last four characters are shown, and of a short one none", () => {
  assertEquals(maskAccessKeyId("AKIAIOSFODNN7EXAMPLE"), "AKIA…MPLE");
  assertEquals(maskAccessKeyId("AKIA1234"), "****");
});

const TOKEN = "IQoJb3JpZ2luX2VjEA/+abcdef+ghi/jkl==";
const everyByte = (form: (hex: string) => string): string =>
  Array.from(
    new TextEncoder().encode(TOKEN),
    (byte) => form(byte.toString(16).padStart(2, "0")),
  ).join("");
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
      [
        "named references of HTML",
        TOKEN.replaceAll("=", "&equals;").replaceAll("/", "&sol;"),
      ],
      ["an array of bytes in Go", everyByte((hex) => `0x${hex}, `)],
      ["decimal references", TOKEN.replaceAll("=", "&#61;")],
      ["a decoded form", TOKEN.replaceAll("+", " ")],
      ["cut short", TOKEN.slice(0, -3)],
      ["cut shorter", TOKEN.slice(0, 24)],
      ["each byte percent-encoded", everyByte((hex) => `%${hex}`)],
      ["each byte percent-encoded twice", everyByte((hex) => `%25${hex}`)],
      ["escapes of JSON", everyByte((hex) => `\\u00${hex}`)],
      ["escapes of other languages", everyByte((hex) => `\\x${hex}`)],
      ["hexadecimal references", everyByte((hex) => `&#x${hex};`)],
      ["upper-case references", everyByte((hex) => `&#X${hex.toUpperCase()};`)],
      ["references", everyByte((hex) => `&#${parseInt(hex, 16)};`)],
      ["hex", everyByte((hex) => hex)],
      ["upper-case hex", everyByte((hex) => hex).toUpperCase()],
      ["a dump of bytes", everyByte((hex) => ` ${hex}`).trim()],
      ["an array of bytes", [...new TextEncoder().encode(TOKEN)].join(",")],
      ["upper case", TOKEN.toUpperCase()],
      ["with invisible characters", [...TOKEN].join("\u200b")],
      ["over several lines", TOKEN.replace(/.{6}/g, "$&\n")],
    ]
  ) {
    await t.step(name, () => {
      const redactor = new Redactor();
      redactor.addCredential(TOKEN);
      // Signs at its end are no secret, where others stand between.
      const shown = redactor.redact(`>${form}<`)
        .replace(/&equals;|0x3d|[\s=,\u200b]+/g, "");
      assertEquals(shown, ">[redacted]<");
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

Deno.test("a value that was added twice is known until it is removed twice", () => {
  const redactor = new Redactor();
  const value = "cookie-value-1";
  redactor.add(value);
  assertEquals(redactor.redact(value), "[redacted]");
  redactor.add(value);
  redactor.remove(value);
  assertEquals(redactor.redact(value), "[redacted]");
  redactor.remove(value);
  assertEquals(redactor.redact(value), value);
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

Deno.test("a secret is known in Base64, wherever in it it begins", async (t) => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  for (const alphabet of ["base64", "base64url"] as const) {
    for (const before of ["", "1", "12", "123"]) {
      await t.step(`${alphabet}, after ${before.length} bytes`, () => {
        const bytes = new TextEncoder().encode(`${before}${TOKEN}-and-more`);
        const form = bytes.toBase64({ alphabet });
        for (const said of [form, form.replace(/.{20}/g, "$&\r\n")]) {
          const shown = redactor.redact(`said ${said}`);
          assertStringIncludes(shown, "[redacted]");
          for (let at = 8; at < said.length - 24; at++) {
            assertFalse(shown.includes(said.slice(at, at + 6)), shown);
          }
        }
      });
    }
  }
});

Deno.test("what follows a secret that is cut short goes with it, to the end of the word", () => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  const shown = redactor.redact(`of ${TOKEN.slice(0, 24)}-else+0/9%3D, and`);
  assertEquals(shown, "of [redacted], and");
});

Deno.test("a secret is known backwards", () => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  const backwards = [...TOKEN].reverse().join("");
  assertEquals(redactor.redact(`<${backwards}>`), "<[redacted]>");
});

Deno.test("a secret of no more than eight characters is known, and a shorter one let be", () => {
  const redactor = new Redactor();
  redactor.addCredential("abcd1234");
  redactor.addCredential("ab1");
  redactor.addAccessKeyId("abc");
  const others = "ab1 abc [97,98,49] [97,98,99]";
  assertEquals(redactor.redact(`abcd1234 ${others}`), `[redacted] ${others}`);
});

Deno.test("the signs around a secret go with it, as far as they are its own", () => {
  const redactor = new Redactor();
  redactor.addCredential("$(/secret-0001-value/)!");
  for (const said of ["$(/secret-0001-value/)!", "(/secret-0001-value/)"]) {
    assertEquals(redactor.redact(said), "[redacted]");
    assertEquals(redactor.redact(`x${said}y`), "x[redacted]y");
  }
  assertEquals(redactor.redact("$-/secret-0001-value/-!"), "$-[redacted]-!");
});

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};
const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign]);

Deno.test("a secret of signs alone is known, and one with escapes of its own", () => {
  const redactor = new Redactor();
  const secrets = [
    "\\".repeat(23) + "Q",
    "/+=/+=/+=/+=",
    "<&'p>w\"&&<>",
    "a%2Fb%2Fc%2Fd%2Fe%2F1",
  ];
  for (const secret of secrets) {
    redactor.addCredential(secret);
    for (
      const form of [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        escapeXml(secret),
        new TextEncoder().encode(secret).toHex(),
        decodeURIComponent(secret),
      ]
    ) {
      assertEquals(redactor.redact(`>${form}<`), ">[redacted]<", form);
    }
  }
});

Deno.test("a secret that stands where a long text is cut leaves nothing of itself", () => {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  for (const form of [TOKEN, everyByte((hex) => `%2525${hex}`)]) {
    for (let before = 8192 - form.length; before <= 8192; before++) {
      const shown = redactor.redact("x ".repeat(5000).slice(0, before) + form);
      assertFalse(shown.includes(form.slice(0, 8)), `${before}`);
    }
  }
});

Deno.test("no secrets, however many and alike, make a hostile text slow", () => {
  const sets = {
    backslashes: ["\\".repeat(23) + "Q" + "\\".repeat(8)],
    alike: numbered((n) => "a".repeat(20 + n)),
    "alike at their ends": numbered((n) => `${n}b${"a".repeat(40)}`),
    "of each length": numbered((n) => `${n}b${"a".repeat(n % 30)}`),
    long: ["a".repeat(100_000)],
    signs: numbered((n) => `${"/".repeat(20 + n % 9)}+${n}`),
  };
  const parts = [
    ..."a/\\+ &",
    "Q " + "\\".repeat(60),
    "a ",
    "%25",
    "%2525252561",
    "&#x41;",
    "&#0000000",
    "\\u0061",
    "signature",
    "signature=",
    "signature        ",
    "x-amz-security-token   ",
    "AKIA",
    `${"a".repeat(47)}g`,
    '"',
  ];
  for (const [name, secrets] of Object.entries(sets)) {
    const redactor = new Redactor();
    for (const secret of secrets) redactor.add(secret);
    for (const part of parts) {
      const start = cpuMs();
      redactor.redact(part.repeat(2 ** 20 / part.length));
      // It takes milliseconds; what is not linear takes minutes.
      const ms = cpuMs() - start;
      assert(ms < 5_000, `${name}, ${part}: ${ms} ms`);
    }
  }
});

function numbered(value: (n: number) => string): string[] {
  return Array.from({ length: 256 }, (_, n) => value(n));
}
