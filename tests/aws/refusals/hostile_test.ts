/** Error bodies made to keep the process busy. */

import { assert } from "@std/assert";
import {
  explainRefusal,
  safeAwsError,
} from "../../../src/aws/refusals/refusal.ts";
import { httpStatusError } from "../../../src/mcp/transport/failure.ts";
import { cpuMs } from "../../support/time/cpu_time.ts";

const MIB = 2 ** 20;

Deno.test("an error body of 1 MiB, whatever is in it, is explained at once", async (t) => {
  const parts = [
    " ",
    "<",
    "<Code>",
    "<style>",
    "'",
    "The Canonical String for this request should have been '",
    "The String-to-Sign should have been '",
    "signature",
  ];
  for (const part of parts) {
    await t.step(JSON.stringify(part), () => {
      const many = part.repeat(Math.ceil(MIB / part.length));
      const start = cpuMs();
      for (
        const body of [
          many,
          `x${many}y`,
          `<Error>${many}`,
          JSON.stringify({ message: `x${many}y` }),
          `<Error><Code>AccessDenied</Code><Message>x${many}y</Message></Error>`,
        ]
      ) {
        const response = () =>
          new Response(null, {
            status: 403,
            headers: { "x-amzn-errortype": "InvalidSignatureException" },
          });
        explainRefusal(response(), body);
        safeAwsError(response(), body);
        httpStatusError(response(), body);
      }
      // Quadratic, it took minutes; linear, it takes milliseconds.
      assert(cpuMs() - start < 5_000);
    });
  }
});

Deno.test("a page is told without its tags, styles and scripts", () => {
  const page = "<html><STYLE type=x>p > a { color: red }</STYLE>" +
    "<script>if (a < b) c()</script><h1>Bad\n gateway</h1> 1 < 2</html>";
  const { message } = httpStatusError(
    new Response(null, { status: 502 }),
    page,
  );
  assert(message.endsWith(": Bad gateway 1"), message);
});
