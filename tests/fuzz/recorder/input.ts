/**
 * What a recorder sees: messages, requests and answers as they should not be.
 * All lines can be read again, and none has a secret or what somebody said.
 */

import { SILENT_LOG } from "../../../src/log/log.ts";
import type { HttpAnswer } from "../../../src/mcp/transport/observer.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { FORMAT } from "../../../src/recorder/format.ts";
import { loadRecording } from "../../../src/recorder/read.ts";
import { Recorder } from "../../../src/recorder/recorder.ts";
import { RecordingFile } from "../../../src/recorder/recording_file.ts";
import { StandIns } from "../../../src/recorder/stand_ins.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import type { Random } from "../../support/random.ts";
import { FUZZ_SECRETS, wrong } from "../fuzzer.ts";
import { anyJson, broken, objectOf } from "../json_text.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** What somebody said, as an argument or a result. */
const SAID = "what somebody said to nobody else";
const MAX_BYTES = 256 * 1024;
const encoder = new TextEncoder();

/** A value with what must not be seen somewhere in it. */
function value(random: Random, unseen: readonly string[]): string {
  const planted = JSON.stringify(random.pick(unseen));
  const kinds = [
    () => planted,
    () => `[${planted}]`,
    () => `{${planted}:1}`,
    () => objectOf(random, [["text", planted], ["n", anyJson(random)]]),
    () => `[${anyJson(random)},{"a":{"b":[${planted}]}}]`,
    () =>
      JSON.stringify(
        `${"x ".repeat(random.below(9_000))}${JSON.parse(planted)}`,
      ),
  ];
  return random.pick(kinds)();
}

function message(
  random: Random,
  unseen: readonly string[] = [SAID, ...FUZZ_SECRETS],
): Uint8Array {
  const id = random.pick(["1", '"a"', "null", "1e400", "{}"]);
  const kinds = [
    () =>
      `"method":"tools/call","params":{"name":"t","arguments":${
        value(random, unseen)
      }}`,
    () =>
      `"result":{"content":[{"type":"text","text":${value(random, unseen)}}]}`,
    () => `"result":{"structuredContent":${value(random, unseen)}}`,
    () => `"result":${value(random, unseen)}`,
  ];
  const text = random.chance(0.1)
    ? value(random, unseen)
    : `{"jsonrpc":"2.0","id":${id},${random.pick(kinds)()}}`;
  const some = random.chance(0.1) ? `[${text},${text}]` : text;
  const bytes = encoder.encode(some);
  return random.chance(0.3) ? broken(random, bytes) : bytes;
}

/** What answers a client's HTTP request. */
function client(random: Random): HttpAnswer {
  const [secret] = FUZZ_SECRETS;
  const headers = { authorization: `Bearer ${secret}`, "x-said": SAID };
  return {
    req: { method: "POST", headers: random.chance(0.5) ? headers : {} },
    statusCode: random.pick([200, 202, 400, 500]),
  };
}

/** A body, as one text or as events, in pieces. */
function body(
  random: Random,
  isStream: boolean,
  isError: boolean,
): ReadableStream<Uint8Array> {
  // What an error says is kept, but for what is known to be secret.
  const bytes = message(random, isError ? FUZZ_SECRETS : undefined);
  const text = new TextDecoder().decode(bytes);
  const end = random.pick(["\n\n", "\r\n\r\n", "\r\r", "\n", ""]);
  const all = isStream
    ? encoder.encode(
      `id: ${random.pick(FUZZ_SECRETS.slice(2))}\ndata: ${text}${end}`,
    )
    : bytes;
  const breaks = random.chance(0.2);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < all.length) {
        const size = 1 + random.below(4_000);
        controller.enqueue(Uint8Array.from(all.subarray(at, at + size)));
        at += size;
      } else if (breaks) {
        controller.error(new TypeError("error reading a body"));
      } else controller.close();
    },
  });
}

async function exchange(random: Random, recorder: Recorder): Promise<void> {
  const [secret, token, session] = FUZZ_SECRETS;
  const isStream = random.chance(0.5);
  const headers = {
    "content-type": isStream ? "text/event-stream" : "application/json",
    "mcp-session-id": session,
    "set-cookie": `a=${token}; Path=/`,
    "location": `https://mcp.example/?token=${encodeURIComponent(token)}`,
  };
  const status = random.pick([200, 200, 202, 400, 404, 500]);
  const send: typeof fetch = () =>
    random.chance(0.1)
      ? Promise.reject(new TypeError(`failed for ${secret}`))
      : Promise.resolve(
        new Response(body(random, isStream, status >= 400), {
          status,
          headers,
        }),
      );
  const url = `https://mcp.example/${random.pick(["mcp", "a%00b", ""])}` +
    `?key=${encodeURIComponent(secret)}`;
  const response = await recorder.fetch(send)(url, {
    method: random.pick(["POST", "POST", "GET", "DELETE"]),
    headers: {
      "authorization":
        `AWS4-HMAC-SHA256 Credential=AKIDTESTPRINCIPAL001/20261128/eu-west-1/x/aws4_request, SignedHeaders=host, Signature=${
          "0f".repeat(32)
        }`,
      "x-amz-security-token": token,
      "mcp-session-id": session,
      "x-own": secret,
      "mcp-name": random.pick(["t", SAID.replaceAll(" ", "_")]),
    },
    body: new Blob([Uint8Array.from(message(random))]),
  }).catch(() => undefined);
  if (random.chance(0.2)) await response?.body?.cancel().catch(() => {});
  else await response?.bytes().catch(() => {});
}

/** Records odd things, and reads the recording. */
export async function fuzzRecorderInput(
  random: Random,
  cases: number,
): Promise<void> {
  await using home = await tempDir();
  const path = `${home.path}/fuzz.jsonl`;
  const redactor = new Redactor();
  for (const secret of FUZZ_SECRETS) redactor.addCredential(secret);
  const out = RecordingFile.create({
    path,
    maxBytes: MAX_BYTES,
    names: OPTION_NAMES,
    header: {
      recording: "sigv4-proxy",
      format: FORMAT,
      version: "0.0.0",
      deno: "",
      os: "",
      startedAt: new Date(0).toISOString(),
      target: "https://mcp.example/mcp",
      mode: "stdio",
      options: [],
      bodies: false,
    },
  });
  {
    await using recorder = new Recorder({
      out,
      standIns: new StandIns(redactor.redact, false),
      log: SILENT_LOG,
      names: OPTION_NAMES,
      isEager: true,
    });
    const { observer } = recorder;
    const log = recorder.log(SILENT_LOG);
    for (let number = 0; number < cases; number++) {
      const over = random.chance(0.3) ? client(random) : undefined;
      observer.received(message(random), over);
      // What is wrong is said to a client over HTTP in words, too.
      const isError = over !== undefined && over.statusCode >= 400;
      observer.delivered(
        message(random, isError ? FUZZ_SECRETS : undefined),
        over,
      );
      if (over && random.chance(0.8)) observer.closed?.(over, "proxy");
      await exchange(random, recorder);
      log.warn(`of ${FUZZ_SECRETS[0]}`, { error: FUZZ_SECRETS[1] });
    }
  }
  await check(home.path, path);
}

async function check(home: string, path: string): Promise<void> {
  const { lines, unread } = await loadRecording(path, OPTION_NAMES);
  if (unread > 0 || lines.length === 0) wrong(`${unread} lines unread`, path);
  let bytes = 0;
  for await (const { name } of Deno.readDir(home)) {
    const text = await Deno.readTextFile(`${home}/${name}`);
    bytes += encoder.encode(text).length;
    for (const secret of [SAID, ...FUZZ_SECRETS, "0f".repeat(32)]) {
      const line = text.split("\n").find((line) => line.includes(secret));
      if (line !== undefined) wrong(`${secret} is recorded`, line);
    }
  }
  if (bytes > MAX_BYTES) wrong("it is too large", bytes);
}
