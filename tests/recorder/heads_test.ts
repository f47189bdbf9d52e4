/** Heads of HTTP requests that are noted only where they differ. */
import { assertEquals } from "@std/assert";
import { Heads } from "../../src/recorder/heads.ts";
import { RecordLines } from "../../src/recorder/lines.ts";
import { StandIns } from "../../src/recorder/stand_ins.ts";
import { Waiting } from "../../src/recorder/waiting.ts";

const NOTHING = { byteLength: 0 };

function signed(date: string, key: string, hash: string) {
  const scope = `${key}/2026/region/service/aws4_request`;
  const signature = hash.repeat(64);
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, ` +
      `SignedHeaders=host, Signature=${signature}`,
    "x-amz-content-sha256": signature,
    "x-amz-date": date,
  };
}

const LONG = { "x-long": "x".repeat(400_000) };

const HEADS: readonly [start: string, headers: HeadersInit][] = [
  ["POST 1 http://one/", signed("1", "A", "a")],
  ["POST 1 http://one/", signed("1", "A", "b")],
  ["POST 1 http://one/", new Headers(signed("1", "A", "c"))],
  ["POST 1 http://one/", Object.entries(signed("2", "A", "d"))],
  ["POST 1 http://one/", signed("2", "B", "e")],
  ["POST 2 http://one/", signed("2", "B", "f")],
  ["GET 2 http://one/", signed("2", "B", "f")],
  ["GET 2 http://two/", { ...signed("2", "B", "f"), accept: "*/*" }],
  ["GET 2 http://two/", { ...signed("2", "B", "f"), date: "*/*" }],
  ["GET 2 http://two/", signed("2", "B", "f")],
  ["GET 2 http://two/", {}],
  ["GET 2 http://two/", LONG],
  ["GET 2 http://two/", LONG],
  ["GET 2 http://two/", {}],
  ["GET 2 http://two/", { authorization: "Bearer one" }],
  ["GET 2 http://two/", { authorization: "Bearer two" }],
  ["GET 2 http://two/", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }],
  ["GET 2 http://two/", { "x-amz-content-sha256": "a".repeat(64) }],
  ["GET 2 http://two/", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }],
];

/** What a recording has of the heads, each of them noted as `textOf` says. */
function recorded(textOf: (...head: typeof HEADS[number]) => string) {
  const lines = new RecordLines(new StandIns((text) => text, false));
  const waiting = new Waiting();
  for (const head of HEADS) {
    waiting.push("request", 0, 1, textOf(...head), NOTHING);
  }
  return HEADS.flatMap(() => {
    const noted = waiting.shift();
    return noted
      ? lines.of(noted).map((line) => line.replace(/"t":\S+?,/, ""))
      : [];
  });
}

Deno.test("a head that is noted beside the one before is recorded as one alone", () => {
  const heads = new Heads();
  const beside = recorded((...head) => heads.textOf(...head));
  assertEquals(beside, recorded((...head) => new Heads().textOf(...head)));
});

Deno.test("of heads that differ in what no recording shows one alone is noted", () => {
  const heads = new Heads();
  const texts = ["a", "b", "c"].map((hash) =>
    heads.textOf("POST 1 http://one/", signed("1", "A", hash))
  );
  assertEquals(texts.map((text) => text === ""), [false, true, true]);
});

Deno.test("a head that is as the last one is told when that one is gone", () => {
  const waiting = new Waiting();
  waiting.push("request", 0, 1, "request", NOTHING);
  waiting.push("response", 0, 1, "response", NOTHING);
  while (waiting.takeDropped() < 3) {
    waiting.push("response", 0, 2, "", NOTHING);
    waiting.push("request", 0, 3, "", NOTHING);
  }
  const left = [waiting.shift(), waiting.shift()];
  assertEquals(left.map((noted) => noted?.more).sort(), [
    "request",
    "response",
  ]);
});
