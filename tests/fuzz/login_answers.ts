/**
 * What a client answers to the question of a login, and what becomes of that:
 * each call has one answer, nobody is let in who has no credentials, and nothing
 * hangs.
 */

import { CredentialsError } from "../../src/errors.ts";
import type { Login } from "../../src/login.ts";
import { modern } from "../support/stream/modern_message.ts";
import { INITIALIZED } from "../support/raw/mcp.ts";
import type { Random } from "../support/random.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import { FUZZ_SESSION, FuzzWorld, isOwn, wrong } from "./fuzzer.ts";
import { anyJson, objectOf } from "./json_text.ts";

const CAPABILITIES = { elicitation: { url: {} } };
const CLIENT = "io.modelcontextprotocol/clientCapabilities";

// deno-lint-ignore no-explicit-any
type Value = any;

/** What a client may say of a question, as JSON. */
function answer(random: Random): string {
  const action = random.pick([
    '"accept"',
    '"accept"',
    '"decline"',
    '"cancel"',
    "null",
    '"ACCEPT"',
    anyJson(random, 4),
  ]);
  if (random.chance(0.2)) return anyJson(random);
  return objectOf(random, [
    ["action", action],
    ...random.chance(0.3) ? [["content", anyJson(random)] as const] : [],
  ]);
}

/** The answer to a question of the legacy era, as a client writes it. */
function response(random: Random, id: string): string {
  const kind = random.below(8);
  const member = kind === 0
    ? `"error":${objectOf(random, [["code", "-1"], ["message", '"no"']])}`
    : `"result":${answer(random)}`;
  return `{"jsonrpc":"2.0","id":${id},${member}}`;
}

/** Tries answers, of both eras. */
export async function fuzzLoginAnswers(
  random: Random,
  cases: number,
): Promise<void> {
  let isIn = true;
  let session = 0;
  let done = Promise.withResolvers<void>();
  const over = new CredentialsError("the session is over");
  const reached: unknown[] = [];
  await using world = new FuzzWorld((body) => {
    const { id, method } = body === ""
      ? { id: 0, method: "" }
      : JSON.parse(body);
    if (id === undefined) return new Response(null, { status: 202 });
    if (method === "tools/call") reached.push(id);
    const result = method === "initialize" ? INITIALIZED : {};
    return Response.json({ jsonrpc: "2.0", id, result }, {
      headers: { "mcp-session-id": FUZZ_SESSION },
    });
  }, {
    credentials: {
      get: () =>
        isIn ? Promise.resolve(TEST_CREDENTIALS) : Promise.reject(over),
    },
    findLogin: (failure): Login | undefined =>
      failure !== over ? undefined : {
        key: `session-${session}`,
        begin: async (show, signal) => {
          const { promise, reject } = done;
          signal.addEventListener("abort", () => reject(signal.reason));
          show({ url: "https://example.com/", message: "Sign in." })
            .catch(reject);
          await promise;
          isIn = true;
        },
      },
  });
  const { client } = world;
  await client.initialize({ capabilities: CAPABILITIES });
  for (let number = 0; number < cases; number++) {
    session = number;
    isIn = false;
    done = Promise.withResolvers<void>();
    done.promise.catch(() => {});
    const isModern = random.chance(0.5);
    const id = `call-${number}`;
    const params = { name: "t" };
    const meta = { [CLIENT]: CAPABILITIES };
    client.request(id, "tools/call", isModern ? modern(params, meta) : params);
    const end = () =>
      random.chance(0.5)
        ? done.resolve()
        : done.reject(new Error("AWS says no"));
    let told: Value;
    let text = "";
    let awaited = id;
    for (let asked = 0; told === undefined; asked++) {
      if (asked > 20) wrong("it is asked again and again", number);
      const frame = await client.next();
      const { json } = frame;
      if (json.method === "elicitation/create") {
        const said = response(random, JSON.stringify(json.id));
        client.send(said);
        if (random.chance(0.2)) client.send(said);
        end();
      } else if (json.id === awaited) {
        const state = json.result?.requestState;
        if (json.result?.resultType !== "input_required") {
          told = json;
          text = frame.text;
          break;
        }
        awaited = `${id}-again-${asked}`;
        const odd = random.chance(0.2);
        const responses = odd ? anyJson(random) : `{"login":${answer(random)}}`;
        const again = modern({
          ...params,
          requestState: random.chance(0.9) ? state : "made up",
        }, meta);
        const { _meta, ...rest } = again;
        client.send(
          `{"jsonrpc":"2.0","id":"${awaited}","method":"tools/call","params":` +
            `{"inputResponses":${responses},"_meta":${JSON.stringify(_meta)},` +
            `${JSON.stringify(rest).slice(1)}}`,
        );
        end();
      } else if (!json.method) wrong("an answer to nobody", frame.text);
    }
    const isReached = reached.some((one) => one === awaited);
    reached.length = 0;
    if (isReached && !isIn) wrong("it went without credentials", text);
    if (isReached !== ("result" in told)) wrong("what it was told", text);
    isIn = true;
    const marker = `after-${number}`;
    client.request(marker, "ping");
    for (;;) {
      const { json, text } = await client.next();
      if (json.id === marker) break;
      if ("result" in json || "error" in json) wrong("a second answer", text);
    }
    world.checkUnseen(isOwn(told) ? [text] : []);
  }
}
