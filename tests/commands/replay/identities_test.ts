/** Recordings of several identities, and of what options add, are played. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { mcp, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";
import { roleArn, roleWorld } from "../../support/aws/role_world.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PROFILES = ["customer-one", "customer-two"];

const FILES = PROFILES.map((name) =>
  `[profile ${name}]\nrole_arn = ${roleArn(`of-${name}`)}\n` +
  "credential_source = Environment\n"
).join("");

const [A, B] = ["111122223333", "444455556666"];

interface Kind {
  readonly args: readonly string[];
  /** What calls name beside what they are for. */
  readonly named: readonly Record<string, unknown>[];
  readonly isOfFiles?: boolean;
  /** What must not be in the recording. */
  readonly unseen: readonly string[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  "several profiles": {
    args: PROFILES.map((name) => `--profile=${name}`),
    named: [
      { aws_profile: PROFILES[1] },
      {},
      { aws_profile: PROFILES[0] },
      { aws_profile: "nobody" },
    ],
    isOfFiles: true,
    unseen: PROFILES,
  },
  "roles in accounts": {
    args: [
      "--account-role=arn:aws:iam::{account}:role/mcp/{role}",
      `--allow-account=${A}`,
      "--allow-account=4444*",
      "--allow-role=Read*",
    ],
    named: [
      { aws_account: A, aws_role: "ReadAll" },
      { aws_account: B, aws_role: "ReadAll" },
      { aws_account: B, aws_role: "ReadSome" },
      {},
      { aws_account: "999999999999", aws_role: "ReadAll" },
      { aws_account: A, aws_role: "Admin" },
      { aws_account: A },
    ],
    unseen: [A, B, "4444", "999999999999", "ReadAll", "ReadSome", "Admin"],
  },
  "a role that writes": {
    args: [
      "--read-only",
      `--assume-role=${roleArn("Reader")}`,
      `--write-role=${roleArn("Writer")}`,
    ],
    named: [{}],
    unseen: ["Writer"],
  },
  "metadata": {
    args: [
      "--metadata=team=blue-team",
      "--metadata=com.example/cost=4711081547110815",
    ],
    named: [{}],
    unseen: ["blue-team", "com.example/cost", "4711081547110815"],
  },
  "receipts of a role": {
    args: ["--receipt", `--assume-role=${roleArn("Reader")}`],
    named: [{}],
    unseen: ["Reader"],
  },
  "receipts of several profiles": {
    args: ["--receipt", ...PROFILES.map((name) => `--profile=${name}`)],
    named: [{}, { aws_profile: PROFILES[1] }],
    isOfFiles: true,
    unseen: PROFILES,
  },
};

async function record(
  directory: RecordingDirectory,
  { args, named, isOfFiles }: Kind,
): Promise<string> {
  await using home = await tempDir({ ".aws/config": isOfFiles ? FILES : "" });
  const files = [directory.path, `${directory.path}.older`];
  {
    await using w = await roleWorld({
      args: ["--record", directory.path, ...args],
      home: home.path,
      permissions: { read: files, write: files },
      script: {
        "tools/call": (message, reply) =>
          reply.json(
            result(message, { content: [{ type: "text", text: "done" }] }),
            200,
            { "x-amzn-requestid": "4b7a9c1e-0d6f-4a43-9c57-1f2a3b4c5d6e" },
          ),
      },
    });
    await w.proxy.initialize();
    await w.proxy.request("tools/list");
    for (const own of named) {
      for (const name of ["get_item", "put_item"]) {
        await w.call(name, { item: "a thing", ...own });
      }
    }
    await w.proxy.closeStdin();
    await w.proxy.status();
  }
  return await Deno.readTextFile(directory.path);
}

for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test(`a recording of ${name} is played without a difference, and names nobody`, async () => {
    await using directory = await RecordingDirectory.make();
    const recorded = await record(directory, kind);
    const { code, text } = await replay(directory.path, "--fast");
    assertEquals(code, 0, text);
    assertStringIncludes(text, "as it was:");
    for (const secret of kind.unseen) {
      assertEquals(recorded.includes(secret), false, secret);
    }
  });
}

/** The recording with the last place where something stands replaced. */
async function replaceLast(
  { path }: RecordingDirectory,
  recorded: string,
  text: string,
  by: string,
): Promise<void> {
  const at = recorded.lastIndexOf(text);
  assert(at > 0, `${text} is there`);
  const other = recorded.slice(0, at) + by + recorded.slice(at + text.length);
  await Deno.writeTextFile(path, other);
}

Deno.test("a program that signs a call by another identity than then is told", async () => {
  await using directory = await RecordingDirectory.make();
  const recorded = await record(directory, KINDS["several profiles"]);
  // The answer to a call says nothing of who has asked.
  await replaceLast(directory, recorded, '"as":2,', "");
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 1, text);
  assertStringIncludes(text, "signed as: then 1, today 2");
});

Deno.test("an identity whose keys were renewed in the meantime is the same one in a replay", async () => {
  await using directory = await RecordingDirectory.make();
  const recorded = await record(directory, KINDS["several profiles"]);
  await replaceLast(directory, recorded, " identity-2/", " identity-9/");
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 0, text);
});

Deno.test("a region of each profile goes with its calls in a replay, too", async () => {
  await using directory = await RecordingDirectory.make();
  const regions = ["ap-northeast-1", "eu-west-1"];
  await using home = await tempDir({
    ".aws/config": PROFILES.map((name, at) =>
      `[profile ${name}]\nregion = ${regions[at]}\n` +
      `aws_access_key_id = AKIDOFPROFILE00${at}\naws_secret_access_key = x\n`
    ).join(""),
  });
  const files = [directory.path, `${directory.path}.older`];
  {
    await using server = await RawServer.start(mcp({}));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      bareArgs: [
        server.url.href,
        "--sign-host=aws-mcp.us-east-1.api.aws",
        ...PROFILES.map((name) => `--profile=${name}`),
        `--record=${directory.path}`,
      ],
      home: home.path,
      permissions: { read: files, write: files },
    });
    await proxy.initialize();
    for (const aws_profile of PROFILES) {
      const params = { name: "t", arguments: { aws_profile } };
      await proxy.request("tools/call", params);
    }
    await proxy.closeStdin();
    await proxy.status();
    const texts = server.requests.all.map((request) => request.text());
    for (const region of regions) {
      assert(texts.some((text) => text.includes(region)), region);
    }
  }
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 0, text);
  const recorded = await Deno.readTextFile(directory.path);
  const other = recorded.replace(/"profileMetadata":\{[^}]*\},/, "");
  assert(other !== recorded, "something is changed");
  await Deno.writeTextFile(directory.path, other);
  const changed = await replay(directory.path, "--fast");
  assertEquals(changed.code, 1, changed.text);
  assertStringIncludes(changed.text, "differs: POST tools/call");
});

Deno.test("a program that adds other metadata than then is told", async () => {
  await using directory = await RecordingDirectory.make();
  const recorded = await record(directory, KINDS["metadata"]);
  const other = recorded.replace(/"--metadata=[^"]*",?/, "");
  assert(other !== recorded, "something is changed");
  await Deno.writeTextFile(directory.path, other);
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 1, text);
  assertStringIncludes(text, "differs: POST tools/call");
});
