/** Whole-program tests: the region that the AWS MCP Server is told. */
import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import {
  awsWorld,
  HTTP_MODE,
  logged,
  post,
  withConfig,
} from "../../support/aws/aws_world.ts";
import type { RawServer } from "../../support/raw/server.ts";
import { allSigned } from "../../support/sigv4/verifier.ts";
import { KEYS } from "../../support/aws/test_identity.ts";

const MCP_SERVER = "aws-mcp.us-east-1.api.aws";
const MCP_SCOPE = { region: "us-east-1", service: "aws-mcp" };

/** The bodies of a method that reached the target. */
function bodies({ requests }: RawServer, method: string): string[] {
  return requests.all.filter((request) => request.method === "POST")
    .map((request) => request.text())
    .filter((text) => JSON.parse(text).method === method);
}

const CALL =
  '{"jsonrpc" : "2.0","id":"1","method":"tools/call","params":{"name":"n","arguments":{"big":12345678901234567890}, "_meta":{"x":1}}}';

Deno.test("the AWS MCP Server is told the region that the AWS CLI would use, by splicing, and nobody else is", async () => {
  const spliced = CALL.replace('"_meta":{', '"_meta":{"AWS_REGION":"REGION",');
  await withConfig("[default]\nregion = ap-south-1\n", async (home) => {
    for (
      const [args, env, region] of [
        [[], {}, "ap-south-1"],
        [[], { AWS_DEFAULT_REGION: "eu-north-1" }, "eu-north-1"],
        [
          [],
          { AWS_REGION: "eu-west-3", AWS_DEFAULT_REGION: "eu-north-1" },
          "eu-west-3",
        ],
        [["--region", "us-east-1"], { AWS_REGION: "eu-west-3" }, "us-east-1"],
        [["--metadata", "AWS_REGION=sa-east-1"], {}, "sa-east-1"],
        [["--no-region-metadata"], { AWS_REGION: "eu-west-3" }, undefined],
        [[], { MCP_REGION_METADATA: "false" }, undefined],
      ] as const
    ) {
      await using w = await awsWorld(MCP_SERVER, MCP_SCOPE, {
        args,
        env,
        home,
      });
      await w.proxy.initialize();
      await w.proxy.send(CALL);
      await w.proxy.answer("1");
      const expected = region
        ? spliced.replace('"REGION"', JSON.stringify(region))
        : CALL;
      assertEquals(bodies(w.server, "tools/call"), [expected]);
      assert(allSigned(w.server.requests.all));
      assertEquals(
        logged(w.proxy, "the region of calls goes with them").length,
        region && region !== "sa-east-1" ? 1 : 0,
      );
    }
    for (
      const [host, scope] of [
        ["eks-mcp.us-east-1.api.aws", { ...MCP_SCOPE, service: "eks-mcp" }],
        [
          "aws-mcp.us-east-1.api.aws.evil.example",
          { ...MCP_SCOPE, service: "aws-mcp" },
        ],
      ] as const
    ) {
      const args = ["--service", scope.service, "--region", scope.region];
      await using w = await awsWorld(host, scope, { args, home });
      await w.proxy.initialize();
      await w.proxy.send(CALL);
      await w.proxy.answer("1");
      assertEquals(bodies(w.server, "tools/call"), [CALL]);
    }
  });
});

Deno.test("a call that says its region itself keeps it, and without any region in sight nothing is put in", async () => {
  const own = CALL.replace('"x":1', '"x":1, "AWS_REGION":"me-south-1"');
  const env = { AWS_REGION: "eu-west-3" };
  await using w = await awsWorld(MCP_SERVER, MCP_SCOPE, { env });
  await w.proxy.initialize();
  await w.proxy.send(own);
  await w.proxy.answer("1");
  assertEquals(bodies(w.server, "tools/call"), [own]);

  await using none = await awsWorld(MCP_SERVER, MCP_SCOPE);
  await none.proxy.initialize();
  await none.proxy.send(CALL);
  await none.proxy.answer("1");
  assertEquals(bodies(none.server, "tools/call"), [CALL]);
});

Deno.test("what is not one region goes with no call, and a warning says where it is from", async () => {
  await withConfig("[default]\nregion = eu west\n", async (home) => {
    for (
      const [env, fields] of [
        [{}, { region: "eu west", from: "the profile" }],
        [
          { AWS_REGION: "us-east-1,us-west-2" },
          { region: "us-east-1,us-west-2", from: "AWS_REGION" },
        ],
      ] as const
    ) {
      await using w = await awsWorld(MCP_SERVER, MCP_SCOPE, { env, home });
      await w.proxy.initialize();
      await w.proxy.send(CALL);
      await w.proxy.answer("1");
      assertEquals(bodies(w.server, "tools/call"), [CALL]);
      const [line] = logged(
        w.proxy,
        "the region for calls is not one region, and goes with no call",
      );
      assertObjectMatch(Object(line), { level: "warn", ...fields });
    }
  });
});

Deno.test("over HTTP the AWS MCP Server is told the region, too", async () => {
  const env = { ...HTTP_MODE.env, AWS_REGION: "eu-west-3" };
  await using w = await awsWorld(MCP_SERVER, MCP_SCOPE, { ...HTTP_MODE, env });
  const answer = await post(w.proxy, JSON.parse(CALL));
  await answer.body?.cancel();
  const [body] = bodies(w.server, "tools/call");
  assertEquals(JSON.parse(body).params._meta, {
    AWS_REGION: "eu-west-3",
    x: 1,
  });
});

Deno.test("each profile's calls are for the region of its own", async () => {
  const config = `[profile one]\nregion = eu-west-1\n${KEYS}
[profile two]\nregion = ap-south-1\n${KEYS}
[profile none]\n${KEYS}`;
  await withConfig(config, async (home) => {
    const profiles = ["one", "two", "none"];
    const args = profiles.flatMap((name) => ["--profile", name]);
    for (
      const [env, regions] of [
        [{}, ["eu-west-1", "eu-west-1", "ap-south-1", undefined]],
        [{ AWS_REGION: "sa-east-1" }, Array(4).fill("sa-east-1")],
      ] as const
    ) {
      await using w = await awsWorld(MCP_SERVER, MCP_SCOPE, {
        args,
        env,
        home,
      });
      await w.proxy.initialize();
      for (const aws_profile of [undefined, ...profiles]) {
        const asked = { name: "n", arguments: { aws_profile } };
        await w.proxy.request("tools/call", asked);
      }
      assertEquals(
        bodies(w.server, "tools/call").map((text) =>
          JSON.parse(text).params._meta?.AWS_REGION
        ),
        regions,
      );
    }
  });
});
