import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CredentialsError } from "../../../src/errors.ts";
import { readSharedFiles } from "../../../src/aws/shared_files/shared_files.ts";
import {
  shellSplit,
  windowsSplit,
} from "../../../src/aws/shared_files/shell_split.ts";
import { World } from "../credentials/world.ts";
import {
  homeDirectory,
  sharedPaths,
} from "../../../src/aws/shared_files/paths.ts";
import { outcomeOf } from "../../support/program/outcome.ts";

Deno.test("the credentials file wins over the config file, setting by setting", async () => {
  using world = new World();
  world.write(
    ".aws/config",
    "[profile 'my dev']\nregion=x\naws_access_key_id=OLD\n" +
      "[sso-session corp]\nsso_region=y\n",
  );
  world.write(".aws/credentials", "[my dev]\naws_access_key_id=NEW\n");
  const paths = sharedPaths(world.env());
  const files = await readSharedFiles(paths ?? { config: "", credentials: "" });
  const { settings, inCredentials } = files.profiles.get("my dev") ?? {};
  assertEquals(settings?.get("region"), "x");
  assertEquals(settings?.get("aws_access_key_id"), "NEW");
  assertEquals(inCredentials?.has("region"), false);
  assertEquals(files.ssoSessions.get("corp")?.get("sso_region"), "y");
  assertEquals(files.ignored, []);
  assertEquals(
    settings?.origin("aws_access_key_id"),
    `${paths?.credentials} line 2`,
  );
});

Deno.test("of two files that cannot be understood the config file is named, however late it is read", async () => {
  using world = new World();
  const config = world.write("config", "neither\n");
  const credentials = world.write("credentials", "neither\n");
  const see = async (path: string) => {
    if (path === config) await Deno.stat(credentials);
    if (path === config) await Deno.readFile(credentials);
  };
  await assertRejects(
    () => readSharedFiles({ config, credentials }, see),
    CredentialsError,
    `${config} line 1`,
  );
});

Deno.test("what is no file counts as not there, as for the AWS CLI", async () => {
  using world = new World();
  Deno.mkdirSync(world.path("directory"));
  const files = await readSharedFiles({
    config: world.path("directory"),
    credentials: world.path("missing"),
  });
  assertEquals(files.present, []);
});

Deno.test("a region behind a variable that may not be read is an error with its flag, and none in a file that may not be read", async () => {
  using world = new World();
  world.write("config", "[default]\nregion = eu-west-1\n");
  const { resolve } = import.meta;
  const module = resolve("../../../src/aws/shared_files/shared_files.ts");
  const script = world.write(
    "region.ts",
    `import { profileRegion } from ${JSON.stringify(module)};\n` +
      "console.log(await profileRegion(Deno.args[0]).catch((error) => error.message));\n",
  );
  const regionWith = async (
    variables: string,
    read: string = world.home,
    ...profile: string[]
  ): Promise<string> => {
    const { stdout } = await outcomeOf(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", `--allow-env=${variables}`],
        ...[`--allow-read=${read}`, script, ...profile],
      ],
      clearEnv: true,
      env: {
        HOME: world.home,
        WHERE: world.home,
        AWS_CONFIG_FILE: "$WHERE/config",
      },
    });
    return stdout;
  };
  assertEquals(await regionWith("AWS_*,HOME,WHERE"), "eu-west-1\n");
  const refused = await regionWith("AWS_*,HOME");
  assertStringIncludes(refused, "no permission to find the shared AWS files");
  assertStringIncludes(refused, "--allow-env=WHERE");
  const unread = await regionWith("AWS_*,HOME,WHERE", script, "dev");
  assertEquals(unread, "undefined\n");
});

Deno.test("a home that is not known is not looked for in the working directory", async () => {
  using world = new World();
  world.write("~/.aws/credentials", "[default]\naws_access_key_id=NOT_OURS\n");
  const module = import.meta.resolve(
    "../../../src/aws/shared_files/shared_files.ts",
  );
  const paths = { config: "~/.aws/config", credentials: "~/.aws/credentials" };
  const script = world.write(
    "files.ts",
    `import { readSharedFiles } from ${JSON.stringify(module)};\n` +
      `const files = await readSharedFiles(${JSON.stringify(paths)});\n` +
      "console.log([...files.profiles.keys()], files.present);\n",
  );
  const { stdout } = await outcomeOf(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", script],
    cwd: world.home,
  });
  assertEquals(stdout, "[] []\n");
});

Deno.test("the home directory is found as the AWS CLI finds it", () => {
  const env = (all: Record<string, string>) => (name: string) => all[name];
  const both = env({ HOME: "/h", USERPROFILE: "/u" });
  assertEquals(homeDirectory(both, "linux"), "/h");
  assertEquals(homeDirectory(both, "windows"), "/u");
  assertEquals(homeDirectory(env({ USERPROFILE: "/u" }), "windows"), "/u");
  assertEquals(
    homeDirectory(env({ HOMEDRIVE: "D:", HOMEPATH: "\\me" }), "windows"),
    "D:\\me",
  );
});

Deno.test("a command is split at white space outside quotes", () => {
  const cases: [string, string[]][] = [
    ["tool", ["tool"]],
    ["  tool  a\tb ", ["tool", "a", "b"]],
    [`"/opt/my tool" --name 'a "b"' ""`, [
      "/opt/my tool",
      "--name",
      'a "b"',
      "",
    ]],
    [`a\\ b c"d e"f`, ["a b", "cd ef"]],
    [`"a\\"b" 'c\\d'`, ['a"b', "c\\d"]],
    [`sh -c 'echo $HOME | cat'`, ["sh", "-c", "echo $HOME | cat"]],
    ["", []],
  ];
  for (const [command, words] of cases) {
    assertEquals(shellSplit(command), words);
  }
  assertEquals(
    windowsSplit(`"C:\\Program Files\\tool.exe" -p C:\\x it's`),
    ["C:\\Program Files\\tool.exe", "-p", "C:\\x", "it's"],
  );
});
