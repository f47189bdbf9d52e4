import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { profileRegion } from "../../../src/aws/shared_files/shared_files.ts";
import { parseCommand } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  AGENTCORE,
  configOf,
  faultsOf,
  parse,
  run,
} from "../../support/program/command_line.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** A target whose host tells no region. */
const ARGS = ["https://mcp.example", "--service=execute-api"];

Deno.test("a region in the host goes before any variable, and one that differs is told", async () => {
  const { config, notes } = await run([AGENTCORE], { AWS_REGION: "eu-west-1" });
  assertEquals(config.region, "us-west-2");
  assertEquals(notes[1], {
    level: "warn",
    message:
      "region us-west-2 of the host is used, not 'eu-west-1' of AWS_REGION",
    fields: {
      region: "us-west-2",
      variable: "AWS_REGION",
      ignored: "eu-west-1",
    },
  });
  const same = await run([AGENTCORE], {
    AWS_REGION: "us-west-2",
    AWS_DEFAULT_REGION: "eu-west-1",
  });
  assertEquals(same.notes.length, 1);
});

Deno.test("a region that goes with calls is not said to be left out", async () => {
  const url = "https://aws-mcp.us-east-1.api.aws/mcp";
  const { config, notes } = await run([url], { AWS_REGION: "eu-west-1" });
  assertEquals(config.region, "us-east-1");
  assertEquals(config.metadata, [["AWS_REGION", "eu-west-1"]]);
  assertEquals(notes.map(({ message }) => message), [
    "read off the host",
    "the region of calls goes with them",
  ]);
});

Deno.test("a region flag goes before the host, and says so where they differ", async () => {
  const { config, notes } = await run([AGENTCORE, "--region", "us-east-1"]);
  assertEquals(config.region, "us-east-1");
  assertEquals(notes[0].fields?.region, undefined);
  assertEquals(
    notes[1].message,
    "region us-east-1 of --region is used, not us-west-2 of the host",
  );
  assertEquals(
    (await run([AGENTCORE, "--region", "us-west-2"])).notes.length,
    1,
  );
});

Deno.test("without a host to tell, the region is from the variables, then from the profile", async () => {
  const both = { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-2" };
  assertEquals((await configOf(ARGS, both)).region, "us-east-1");
  assertEquals(
    (await configOf(ARGS, { AWS_DEFAULT_REGION: "us-east-2" })).region,
    "us-east-2",
  );

  const asked: (string | undefined)[] = [];
  const profileRegion = (profile?: string) => {
    asked.push(profile);
    return Promise.resolve("eu-north-1");
  };
  for (const more of [[], ["--profile", "work"]]) {
    const command = await parse(
      [...ARGS, ...more],
      { AWS_PROFILE: "other" },
      profileRegion,
    );
    assert(command.kind === "run");
    assertEquals(command.config.region, "eu-north-1");
  }
  await parse(ARGS, both, profileRegion);
  assertEquals(asked, [undefined, "work"]);
});

Deno.test("a character of a region that nobody sees is shown, with where the region is from", async () => {
  const hidden = "eu-west-1\u200B";
  const faultOf = async (
    more: readonly string[],
    variables: Record<string, string>,
  ) => {
    const { faults } = await assertRejects(
      () => parse([...ARGS, ...more], variables, () => Promise.resolve(hidden)),
      ConfigError,
    );
    return faults.join();
  };
  for (
    const [fault, from] of [
      [await faultOf([`--region=${hidden}`], {}), " (set --region"],
      [await faultOf([], { AWS_REGION: hidden }), " in AWS_REGION"],
      [await faultOf([], {}), " in the profile"],
    ]
  ) assertStringIncludes(fault, `got 'eu-west-1<U+200B>'${from}`);
});

Deno.test("a profile whose region cannot be read is named as the cause", async () => {
  const error = await assertRejects(
    () =>
      parse(ARGS, {}, () => Promise.reject(new Error("read access denied"))),
    ConfigError,
  );
  assertEquals(error.faults, [
    "region is required (set --region, AWS_REGION or AWS_DEFAULT_REGION): " +
    "the profile's cannot be read: read access denied",
  ]);
  const wrong = await assertRejects(
    () => parse(ARGS, {}, () => Promise.resolve("US EAST")),
    ConfigError,
  );
  assertStringIncludes(wrong.faults[0], "got 'US EAST' in the profile");
});

Deno.test("the service is from the flag, then the variable, then the host", async () => {
  const env = { AWS_SERVICE_NAME: "execute-api" };
  for (const flag of ["--service-name=lambda", "--service=lambda"]) {
    assertEquals((await configOf([AGENTCORE, flag], env)).service, "lambda");
  }
  const { config, notes } = await run([AGENTCORE], env);
  assertEquals(config.service, "execute-api");
  assertEquals(notes[1], {
    level: "info",
    message:
      "service name execute-api of AWS_SERVICE_NAME is used, not bedrock-agentcore of the host",
  });
  const args = ["https://mcp.example", "--region=us-east-1", "--service=a b"];
  assertStringIncludes(
    (await faultsOf(args))[0],
    "service name must be a signing name such as execute-api, got 'a b'",
  );
});

Deno.test("a region set is for v4a alone", async () => {
  const forV4a = [...ARGS, "--sig-version=v4a"];
  const sets = ["*", "us-east-1,us-west-2", "us-*", "us-east-1"];
  for (const given of [...sets, "us-east-1, us-west-2"]) {
    const { region } = await configOf([...forV4a, "--region", given]);
    assertEquals(region, given.replace(" ", ""));
  }
  const faultFor = async (args: readonly string[], region: string) =>
    (await faultsOf([...args, `--region=${region}`]))[0];
  const others = [
    "us-east-1,",
    ",",
    "us-east-1;us-west-2",
    "(",
    "a".repeat(70),
  ];
  for (const region of others) {
    assertMatch(
      await faultFor(forV4a, region),
      /^region must be a region set such as us-east-1,us-west-2 or \*/,
    );
  }
  for (const region of ["*", "us-east-1,us-west-2"]) {
    assertMatch(
      await faultFor(ARGS, region),
      /one region such as us-east-1 \(a set needs --sig-version v4a\)/,
    );
  }
  for (const region of ["US-EAST-1", "us east", "us/east", "-us"]) {
    assertMatch(
      await faultFor(ARGS, region),
      /^region must be one region such as us-east-1, got/,
    );
  }
});

Deno.test("for v4a the region of the host is the usual set, and a set that holds it is no surprise", async () => {
  assertEquals(
    (await configOf([AGENTCORE, "--sig-version=v4a"])).region,
    "us-west-2",
  );
  for (const set of ["*", "us-*", "us-east-1,us-west-2"]) {
    const { config, notes } = await run([
      AGENTCORE,
      "--sig-version=v4a",
      `--region=${set}`,
    ]);
    assertEquals(config.region, set);
    assertEquals(notes.length, 1);
  }
});

Deno.test("VPC Lattice is said to want an unsigned payload", async () => {
  const url = "https://s-0a.7d67968.vpc-lattice-svcs.us-west-2.on.aws/mcp";
  const { notes } = await run([url]);
  assertEquals(notes[1].level, "warn");
  assertStringIncludes(notes[1].message, "--unsigned-payload");
  assertEquals((await run([url, "--unsigned-payload"])).notes.length, 1);
});

Deno.test("a profile that is not there is said before a region that is not, and beside keys in the environment", async () => {
  await using temp = await tempDir({
    config: "[profile dev]\noutput = json\n",
  });
  const variables: Record<string, string> = {
    AWS_CONFIG_FILE: `${temp.path}/config`,
    AWS_SHARED_CREDENTIALS_FILE: `${temp.path}/credentials`,
  };
  const env = (name: string) => variables[name];
  const find = (profile?: string) => profileRegion(profile, env);
  const faultFor = async (args: readonly string[]) => {
    const { faults } = await assertRejects(
      () => parseCommand(args, env, { profileRegion: find }),
      ConfigError,
    );
    assertEquals(faults.length, 1);
    return faults[0];
  };
  assertMatch(
    await faultFor([...ARGS, "--profile=nosuch"]),
    /^profile "nosuch" is neither in .* nor in .*; there are: dev \(set --profile/,
  );
  variables.AWS_PROFILE = "gone";
  assertMatch(await faultFor(ARGS), /^profile "gone" is neither in /);
  assertMatch(
    await faultFor([...ARGS, "--profile=dev"]),
    /the profile has none/,
  );
  variables.AWS_ACCESS_KEY_ID = "AKIDEXAMPLE";
  const withRegion = [...ARGS, "--region=us-east-1"];
  for (const args of [ARGS, withRegion]) {
    assertMatch(await faultFor(args), /^profile "gone" is neither in /);
  }
  await parseCommand([...withRegion, "--profile=dev"], env);
});

const WEB_FUNCTION = "https://id.lambda-web.global.on.aws/mcp";

Deno.test("a host that takes v4a alone says so itself, and all that is given goes before it", async () => {
  const { config, notes } = await run([WEB_FUNCTION], { AWS_REGION: "x-y-1" });
  assertEquals(
    [config.signatureVersion, config.region, config.service],
    ["v4a", "*", "lambda"],
  );
  assertEquals(notes, [{
    level: "info",
    message: "read off the host",
    fields: {
      host: "id.lambda-web.global.on.aws",
      service: "lambda",
      region: "*",
      signatureVersion: "v4a",
    },
  }]);

  const set = await run([WEB_FUNCTION, "--region", "eu-*"]);
  assertEquals(
    [set.config.signatureVersion, set.config.region, set.notes.length],
    ["v4a", "eu-*", 1],
  );
  const same = await run([WEB_FUNCTION, "--sig-version", "v4a"]);
  assertEquals([same.config.region, same.notes.length], ["*", 1]);
  for (
    const [args, variables] of [
      [["--sig-version", "v4", "--region", "eu-west-1"], {}],
      [["--sig-version=v4"], { AWS_REGION: "eu-west-1" }],
      [[], { AWS_SIG_VERSION: "v4", AWS_DEFAULT_REGION: "eu-west-1" }],
    ] as const
  ) {
    const given = await run([WEB_FUNCTION, ...args], variables);
    assertEquals(
      [given.config.signatureVersion, given.config.region],
      ["v4", "eu-west-1"],
    );
    assertMatch(
      given.notes.map(({ message }) => message).join(),
      /signature version v4 of \S+ is used, not v4a of the host/,
    );
  }
  // v4 is signed for one region, which such a host does not tell.
  const [fault] = await faultsOf([WEB_FUNCTION, "--sig-version=v4"]);
  assertStringIncludes(fault, "region is required");
});

Deno.test("with keys in the environment, shared files that cannot be read stop nothing", async () => {
  const url = "https://aws-mcp.us-east-1.api.aws/mcp";
  const env = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_PROFILE: "work" };
  const command = await parse(
    [url],
    env,
    () => Promise.reject(new Error("no permission")),
  );
  assert(command.kind === "run");
  assertEquals(command.config.metadata, []);
  assertEquals(command.notes.at(-1), {
    level: "info",
    message: "the profile's region cannot be read, and goes with no call",
    fields: { profile: undefined, error: "no permission" },
  });
});

Deno.test("a service that is no signing name is one fault, and not missing besides", async () => {
  const args = ["https://mcp.example/mcp", "--region=us-east-1"];
  const faults = await faultsOf([...args, "--service=a/b"]);
  assertEquals(faults.length, 1, faults.join("\n"));
  assertStringIncludes(faults[0], "a signing name such as execute-api");
});
