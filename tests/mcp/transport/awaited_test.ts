import { assertEquals } from "@std/assert";
import {
  AwaitedAnswers,
  OwnRequests,
} from "../../../src/mcp/transport/awaited.ts";
import { responseIn, resultFrame } from "../../../src/mcp/transport/link.ts";
import { type RequestId, requestId } from "../../../src/mcp/wire/message.ts";

function id(value: number | string): RequestId {
  const id = requestId(value);
  if (!id) throw new TypeError(`${value} is no ID`);
  return id;
}

Deno.test("of cancelled requests only the latest 1024 are remembered, of others all", () => {
  const answers = new AwaitedAnswers();
  for (let n = 0; n < 3000; n++) answers.expect(id(n), true);
  for (let n = 0; n < 1025; n++) answers.cancel(id(n));
  assertEquals(answers.take(id(0)), undefined);
  assertEquals(answers.take(id(1)), true);
  assertEquals(answers.take(id(1024)), true);
  assertEquals(answers.take(id(1025)), true);
  assertEquals(answers.take(id(2999)), true);
});

Deno.test("a cancelled request that is made again is awaited as any other", () => {
  const answers = new AwaitedAnswers();
  answers.expect(id(1), true);
  answers.cancel(id(1));
  assertEquals(answers.isIdle, false);
  answers.expect(id(1), true);
  assertEquals(answers.take(id(1)), true);
  assertEquals(answers.take(id(1)), undefined);
  assertEquals(answers.isIdle, true);
});

Deno.test("the answer to a cancelled request is taken from the client, and tells nobody anything", async () => {
  const sent: string[] = [];
  const link = {
    accept: (frame: Uint8Array) => {
      sent.push(new TextDecoder().decode(frame));
    },
  };
  const own = new OwnRequests("test", link);
  const asked = own.nextId();
  let isTold = false;
  void own.ask("m", {}, asked).then(() => isTold = true);
  own.cancel(asked);
  own.cancel(asked);
  assertEquals(sent.map((frame) => JSON.parse(frame).method), [
    "m",
    "notifications/cancelled",
  ]);
  const frame = resultFrame(asked, "{}");
  const answer = responseIn(frame);
  if (!answer) throw new TypeError("the answer is none");
  assertEquals(own.take(answer, frame), true);
  assertEquals(own.take(answer, frame), false);
  // What is ready runs.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isTold, false);
});
