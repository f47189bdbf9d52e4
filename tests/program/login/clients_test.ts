/** Whole-program tests of `--login`: the official SDK's clients, in both eras. */

import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Arrivals } from "../../support/arrivals.ts";
import { LOGIN_ARGS, LoginWorld } from "../../support/aws/login_world.ts";
import {
  type ClientMode,
  sdk2Client,
  sdk2ClientHere,
} from "../../support/sdk/v2_client.ts";
import { Sdk2Server, type ServerEras } from "../../support/sdk/v2_server.ts";
import { sdkClient } from "../../support/sdk/client.ts";
import { SdkServer } from "../../support/sdk/server.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { allSigned } from "../../support/sigv4/verifier.ts";

const CAPABILITIES = { elicitation: { url: {} } };

/** What a client was asked. */
interface Asked {
  readonly mode?: string;
  readonly url?: string;
  readonly message: string;
}

/** How many calls were let in. */
function callsIn(methods: readonly string[]): number {
  return methods.filter((method) => method === "tools/call").length;
}

for (const isOverAtStart of [true, false]) {
  Deno.test(`the SDK's client of version 1 signs in ${isOverAtStart ? "as it connects" : "in the middle of a session"}`, async () => {
    await using world = await LoginWorld.start();
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    if (!isOverAtStart) await world.logInElsewhere();
    const asked: Asked[] = [];
    const completed = new Arrivals<string>("completion");
    await using peer = await sdkClient({
      ...world.launch({ target: server.url }),
      capabilities: CAPABILITIES,
      configure(client) {
        client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
          asked.push(params);
          world.peer.answer = "token";
          return { action: "accept" };
        });
        client.setNotificationHandler(
          ElicitationCompleteNotificationSchema,
          ({ params }) => completed.add(params.elicitationId),
        );
      },
    });
    if (!isOverAtStart) await world.writeToken();
    const { content } = await peer.client
      .callTool({ name: "add", arguments: { a: 2, b: 3 } });
    assertEquals(content, [{ type: "text", text: "5" }]);
    assertEquals(asked.length, 1);
    assertEquals(
      [asked[0].mode, asked[0].url],
      ["url", `${world.peer.url}/device?user_code=WXYZ-0001`],
    );
    await completed.at(0);
  });
}

for (
  const [eras, ...args] of [["legacy"], ["dual"], [
    "modern",
    "--bridge",
  ]] as const
) {
  Deno.test(`a client of version 2 that tries both eras signs in as it connects to a ${eras} server${args.map((arg) => ` with ${arg}`).join("")}`, async () => {
    await using world = await LoginWorld.start();
    await using server = await Sdk2Server.start({
      verifier: TEST_VERIFIER,
      eras,
    });
    await world.writeToken();
    let asked = 0;
    await using peer = await sdk2Client({
      ...world.launch({ target: server.url, args: [...LOGIN_ARGS, ...args] }),
      mode: "auto",
      capabilities: CAPABILITIES,
      configure(client) {
        client.setRequestHandler("elicitation/create", () => {
          asked++;
          world.peer.answer = "token";
          return { action: "accept" };
        });
      },
    });
    const { content } = await peer.client
      .callTool({ name: "add", arguments: { a: 2, b: 3 } });
    assertEquals(content, [{ type: "text", text: "5" }]);
    assertEquals(asked, 1);
  });
}

/** Clients of version 2: their mode, the target's eras, and what is between. */
const PAIRS: readonly [ClientMode, ServerEras, ...string[]][] = [
  ["legacy", "legacy"],
  ["legacy", "modern", "--bridge"],
  ["pinned", "modern"],
  ["pinned", "dual"],
  ["pinned", "legacy", "--bridge"],
];

for (const [mode, eras, ...args] of PAIRS) {
  for (const action of ["accept", "decline"] as const) {
    Deno.test(`a ${mode} client of version 2 of the SDK before a ${eras} server${args.map((arg) => ` with ${arg}`).join("")}: ${action}`, async () => {
      await using world = await LoginWorld.start();
      await using server = await Sdk2Server.start({
        verifier: TEST_VERIFIER,
        eras,
      });
      await world.logInElsewhere();
      const asked: Asked[] = [];
      await using peer = await sdk2ClientHere({
        ...world.launch({
          target: server.url,
          args: [...LOGIN_ARGS, ...args],
        }),
        mode,
        capabilities: CAPABILITIES,
        configure(client) {
          client.setRequestHandler("elicitation/create", ({ params }) => {
            asked.push(params);
            if (action === "accept") world.peer.answer = "token";
            return { action };
          });
        },
      });
      const { client } = peer;
      // Whatever the client says of its own accord is over by then.
      await client.callTool({ name: "era", arguments: {} });
      const before = callsIn(server.methods);
      await world.writeToken();
      const call = () =>
        client.callTool({ name: "add", arguments: { a: 2, b: 3 } });
      if (action === "decline") {
        const error = await assertRejects(call, Error, "the user declined it");
        assertEquals(Reflect.get(error, "code"), -31012);
        assertEquals(callsIn(server.methods), before);
      } else {
        const { content } = await call();
        assertEquals(content, [{ type: "text", text: "5" }]);
        assertEquals(callsIn(server.methods), before + 1);
      }
      assertEquals(
        asked.map(({ mode, url }) => [mode, url]),
        [["url", `${world.peer.url}/device?user_code=WXYZ-0001`]],
      );
      assert(allSigned(server.gate.records.all));
    });
  }
}
