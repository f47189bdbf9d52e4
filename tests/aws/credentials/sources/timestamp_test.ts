/** Times as the AWS CLI's dateutil reads them; the values are dateutil's. */

import { assertEquals } from "@std/assert";
import { parseTimestamp } from "../../../../src/aws/credentials/sources/timestamp.ts";
import { outcomeOf } from "../../../support/program/outcome.ts";

const TIMES: readonly [text: string, time: string][] = [
  ["2099-01-02T03:04:05Z", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03:04:05UTC", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03:04:05GMT", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03:04:05 UTC", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02 03:04:05+00:00", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03:04:05", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02t03:04:05z", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03:04", "2099-01-02T03:04:00.000Z"],
  ["2099-01-02", "2099-01-02T00:00:00.000Z"],
  ["2099/01/02 03:04:05", "2099-01-02T03:04:05.000Z"],
  ["20990102T030405Z", "2099-01-02T03:04:05.000Z"],
  ["20990102T030405", "2099-01-02T03:04:05.000Z"],
  ["20990102T0304Z", "2099-01-02T03:04:00.000Z"],
  ["20990102", "2099-01-02T00:00:00.000Z"],
  ["2099-01-02T03:04:05.678901Z", "2099-01-02T03:04:05.678Z"],
  ["2099-01-02T03:04:05,678Z", "2099-01-02T03:04:05.678Z"],
  ["2099-01-02T03:04:05+0130", "2099-01-02T01:34:05.000Z"],
  ["2099-01-02T03:04:05-08:00", "2099-01-02T11:04:05.000Z"],
  ["2099-01-02T03:04:05+01", "2099-01-02T02:04:05.000Z"],
  [" 2099-01-02T03:04:05Z\n", "2099-01-02T03:04:05.000Z"],
  ["Fri, 02 Jan 2099 03:04:05 GMT", "2099-01-02T03:04:05.000Z"],
  ["02 Jan 2099 03:04:05 +0000", "2099-01-02T03:04:05.000Z"],
  ["Fri Jan  2 03:04:05 2099", "2099-01-02T03:04:05.000Z"],
  ["Fri Jan  2 03:04:05 UTC 2099", "2099-01-02T03:04:05.000Z"],
  ["January 2, 2099 03:04:05", "2099-01-02T03:04:05.000Z"],
  ["2099-1-2T03:04:05Z", "2099-01-02T03:04:05.000Z"],
  ["2099-1-2T3:4:5Z", "2099-01-02T03:04:05.000Z"],
  ["2099-01-02T03Z", "2099-01-02T03:00:00.000Z"],
  ["01/02/2099 03:04:05Z", "2099-01-02T03:04:05.000Z"],
  ["1/2/2099", "2099-01-02T00:00:00.000Z"],
  ["31/01/2099 03:04", "2099-01-31T03:04:00.000Z"],
  ["Jan 2, 2099 12:04:05 AM UTC", "2099-01-02T00:04:05.000Z"],
  ["2 Jan 2099 10:04 PM UTC", "2099-01-02T22:04:00.000Z"],
  ["2099-01-02 12:04:05 pm", "2099-01-02T12:04:05.000Z"],
  ["Fri Jan  2 03:04:05 PM UTC 2099", "2099-01-02T15:04:05.000Z"],
];

Deno.test("each form of a time is taken, and without a zone it is UTC", async (t) => {
  for (const [text, time] of TIMES) {
    await t.step(JSON.stringify(text), () => {
      assertEquals(parseTimestamp(text)?.toISOString(), time);
    });
  }
});

Deno.test("what is no time is none, and is not rounded to one", () => {
  const texts = ["", " ", "soon", "never", "2099", "2099-1", "2099-13-01"];
  const values = ["2099-02-30T00:00:00Z", "2099-01-01T25:00:00Z", "x 1", "1 2"];
  values.push("2099-01-02 13:00 PM", "2099-01-02 0:00 AM", "13/13/2099");
  for (const value of [...texts, ...values, "2099-01-02T03:04:05X"]) {
    assertEquals(parseTimestamp(value), undefined, value);
  }
  for (const value of [undefined, null, true, {}, [], NaN, Infinity]) {
    assertEquals(parseTimestamp(value), undefined, `${value}`);
  }
});

Deno.test("a number is seconds or milliseconds since 1970", () => {
  const time = "2099-01-01T00:00:00.000Z";
  assertEquals(parseTimestamp(4_070_908_800)?.toISOString(), time);
  assertEquals(parseTimestamp(4_070_908_800_000)?.toISOString(), time);
  assertEquals(parseTimestamp(0)?.getTime(), 0);
});

Deno.test("this machine's zone does not count", async () => {
  const module = new URL(
    "../../../../src/aws/credentials/sources/timestamp.ts",
    import.meta.url,
  );
  const script = `import { parseTimestamp } from "${module}";
    console.log(parseTimestamp("2099-01-02T03:04:05")?.toISOString());`;
  const { stdout } = await outcomeOf(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    env: { TZ: "America/New_York" },
  });
  assertEquals(stdout, "2099-01-02T03:04:05.000Z\n");
});
