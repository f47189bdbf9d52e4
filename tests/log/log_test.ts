import {
  assert,
  assertEquals,
  assertFalse,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  createLog,
  LineSink,
  type LogFormat,
  type LogOptions,
} from "../../src/log/line_log.ts";
import { type LogFields, redactedLog } from "../../src/log/log.ts";
import { Redactor } from "../../src/redact/redact.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

/** A log, and its lines: all levels, as JSON, at one time and of no secrets. */
function kept(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    format: "json",
    write: (line) => lines.push(line),
    redact: (text) => text,
    now: () => TIME,
    ...options,
  });
  return { log, lines };
}

/** The lines that one entry becomes. */
function linesOf(
  format: LogFormat,
  message: string,
  fields?: LogFields,
  redact: (text: string) => string = (text) => text,
): string[] {
  const { log, lines } = kept({ format, redact });
  log.info(message, fields);
  return lines;
}

Deno.test("a JSON line has time, level, message and then the fields", () => {
  const [line] = linesOf("json", "answered", {
    method: "tools/call",
    status: 200,
    streamed: true,
    names: ["a", "b"],
    left: undefined,
  });
  assertEquals(
    line,
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"answered",' +
      '"method":"tools/call","status":200,"streamed":true,"names":["a","b"]}\n',
  );
});

Deno.test("a text line quotes what would not read back", () => {
  const [line] = linesOf("text", "answered", {
    method: "tools/call",
    status: 200,
    cause: 'no "such" host',
    empty: "",
    pair: "a=b",
    names: ["a b"],
    left: undefined,
  });
  assertEquals(
    line,
    "2026-01-02T03:04:05.006Z info  answered method=tools/call status=200 " +
      'cause="no \\"such\\" host" empty="" pair="a=b" names=["a b"]\n',
  );
});

Deno.test("what is below the level is not written", () => {
  const { log, lines } = kept({ level: "warn", format: "text" });
  log.debug("one");
  log.info("two");
  log.warn("three");
  log.error("four");
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0], "warn  three");
  assertStringIncludes(lines[1], "error four");
});

Deno.test("nothing that is logged can forge a line, a field or a terminal command", () => {
  const evil =
    'x\n{"level":"error"}\r\u2028\u0085\x1b[2J\x9b2J\u202e level=error';
  for (const format of ["json", "text"] as const) {
    const lines = linesOf(format, evil, { [evil]: evil, list: [evil] });
    assertEquals(lines.length, 1);
    // deno-lint-ignore no-control-regex
    assertNotMatch(lines[0].slice(0, -1), /[\0-\x1f\x7f-\x9f\u2028-\u202e]/);
    assert(lines[0].endsWith("\n"));
  }
  const [line] = linesOf("json", evil, { value: evil });
  const entry: unknown = JSON.parse(line);
  assertEquals(entry, {
    time: "2026-01-02T03:04:05.006Z",
    level: "info",
    message: evil,
    value: evil,
  });
});

Deno.test("no character of a line is invisible, and none turns others around", () => {
  const ranges = "ad-ad 34f-34f 61c-61c 115f-1160 180b-180f 200b-200f " +
    "202a-202e 2060-206f 3164-3164 d800-d800 fe00-fe0f feff-feff fff9-fffb " +
    "1d173-1d17a e0000-e0fff";
  for (const range of ranges.split(" ")) {
    const [first, last] = range.split("-").map((end) => parseInt(end, 16));
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      const said = `a${character}b`;
      for (const format of ["json", "text"] as const) {
        const [line] = linesOf(format, said, { [said]: said, list: [said] });
        assertFalse(line.includes(character), code.toString(16));
        assertStringIncludes(line, "a\\u", code.toString(16));
        if (format === "json") assertEquals(JSON.parse(line).message, said);
      }
    }
  }
});

Deno.test("a field cannot take the place of time, level or message", () => {
  const [line] = linesOf("json", "refused", {
    time: "then",
    level: "debug",
    message: "forged",
  });
  assertEquals(JSON.parse(line), {
    time: "2026-01-02T03:04:05.006Z",
    level: "info",
    message: "refused",
    "field.time": "then",
    "field.level": "debug",
    "field.message": "forged",
  });
});

Deno.test("secrets are taken out of message, fields and lists, in both formats", () => {
  const secret = 'wJalr"XUtn\\FEMI/K7MDENG';
  const redactor = new Redactor();
  redactor.add(secret);
  const signature = "0123456789abcdef".repeat(4);
  for (const format of ["json", "text"] as const) {
    const [line] = linesOf(format, `sent ${secret}`, {
      header: `x-amz-security-token: token"${secret}`,
      "x-amz-security-token": "IQoJb3JpZ2luX2Vj",
      signature: signature.slice(0, 40),
      echoed: `Signature=${signature}`,
      list: ["fine", secret, "also fine"],
    }, redactor.redact);
    for (const part of ["wJalr", "IQoJ", "01234567"]) {
      assertFalse(line.includes(part), `${part} in ${line}`);
    }
    assertStringIncludes(line, "also fine");
    if (format === "json") JSON.parse(line);
  }
});

Deno.test("what writing or redacting throws is lost, and later lines are not", () => {
  const lines: string[] = [];
  let isBroken = true;
  const { log } = kept({
    write: (line) => {
      if (isBroken) throw new Deno.errors.BrokenPipe();
      lines.push(line);
    },
    redact: (text) => {
      if (text === "bad") throw new Error("bad");
      return text;
    },
  });
  log.info("lost");
  isBroken = false;
  log.info("bad");
  log.info("kept");
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0], '"message":"kept"');
});

Deno.test("a line has the time of the machine when no clock is given", () => {
  const before = new Date().toISOString();
  const { log, lines } = kept({ now: undefined });
  log.info("now");
  const { time }: { time: string } = JSON.parse(lines[0]);
  assert(before <= time && time <= new Date().toISOString(), time);
});

Deno.test("two logs do not share what they write to", () => {
  const [one, two] = [kept(), kept()];
  one.log.info("one");
  two.log.info("two");
  assertEquals([one.lines.length, two.lines.length], [1, 1]);
});

Deno.test("a line is redacted once, and not at all where its level is off", () => {
  const redacted: string[] = [];
  const redact = (text: string): string => {
    redacted.push(text);
    return text;
  };
  const { log: inner, lines } = kept({ level: "info", format: "text", redact });
  const log = redactedLog(inner, redact);
  log.debug("a detail", { field: "detail" });
  log.info("said", { field: "value" });
  assertEquals(redacted, ["said", "field=value"]);
  assertEquals(lines, ["2026-01-02T03:04:05.006Z info  said field=value\n"]);
  assertEquals(log.enabled?.("debug"), false);
  assertEquals(log.enabled?.("info"), true);
});

Deno.test("a log that cannot tell its level is handed every line, redacted", () => {
  const said: string[] = [];
  const note = (message: string): void => void said.push(message);
  const log = redactedLog(
    { debug: note, info: note, warn: note, error: note },
    (text) => text.replace("secret", "…"),
  );
  log.debug("a secret");
  assertEquals(said, ["a …"]);
  assertEquals(log.enabled?.("debug"), true);
});

Deno.test("of what a sink does not take a thousand lines are kept, and the others are counted", async () => {
  const reader = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  const sink = new LineSink(
    new WritableStream({
      async write(chunk) {
        await reader.promise;
        text += decoder.decode(chunk, { stream: true });
      },
    }),
  );
  sink.write("first\n");
  // It is being written then.
  await new Promise((resolve) => setTimeout(resolve));
  for (let line = 1; line <= 1_500; line++) sink.write(`${line}\n`);
  reader.resolve();
  await sink.flush(60_000);
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.slice(0, 2), ["first", "1"]);
  assertEquals(lines.slice(-2), ["1000", "[500 log lines were dropped]"]);
  assertEquals(lines.length, 1_002);
});
