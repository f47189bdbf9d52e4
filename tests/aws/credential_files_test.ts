import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  homeDirectory,
  parseIni,
  readSharedFiles,
  sharedPaths,
} from "../../src/aws/credential_files.ts";
import { splitCommand } from "../../src/aws/credential_process.ts";
import { World } from "./credential_world.ts";

function parsed(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  for (const [title, settings] of parseIni(text).sections) {
    sections[title] = Object.fromEntries(settings);
  }
  return sections;
}

Deno.test("settings are read with comments, blanks, CRLF and a byte order mark about them", () => {
  const text = "\uFEFF# about\r\n[ default ]\r\n\r\n; more\r\n" +
    "Region = eu-west-1 # near\r\nkey=a=b#c\r\n\tindented = yes\r\n";
  assertEquals(parsed(text), {
    "default": { region: "eu-west-1", key: "a=b#c", indented: "yes" },
  });
});

Deno.test("a nested block's settings carry its name, until the next setting", () => {
  const text = "[services local]\nsts =\n  endpoint_url = http://a\n" +
    "sso =\n  endpoint_url = http://b\nplain = 1\n  indented = 2\n";
  assertEquals(parsed(text), {
    "services local": {
      "sts.endpoint_url": "http://a",
      "sso.endpoint_url": "http://b",
      plain: "1",
      indented: "2",
    },
  });
});

Deno.test("a section that comes twice is one", () => {
  assertEquals(parsed("[a]\nx=1\n[b]\n[a]\ny=2\n"), {
    a: { x: "1", y: "2" },
    b: {},
  });
});

Deno.test("lines that are none are counted, and the rest is read", () => {
  const { sections, badLines } = parseIni("x=1\n[a]\noops\ny=2\n= 3\n");
  assertEquals(badLines, [1, 3, 5]);
  assertEquals(sections.get("a")?.get("y"), "2");
});

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
  assertEquals(files.faults, []);
});

Deno.test("a file that cannot be read is a fault, one that is not there is none", async () => {
  using world = new World();
  Deno.mkdirSync(world.path("directory"));
  const files = await readSharedFiles({
    config: world.path("directory"),
    credentials: world.path("missing"),
  });
  assertEquals(files.faults.length, 1);
  assertStringIncludes(files.faults[0], "directory: cannot be read");
});

Deno.test("the home directory is found as the SDK finds it", () => {
  const env = (all: Record<string, string>) => (name: string) => all[name];
  assertEquals(homeDirectory(env({ HOME: "/h", USERPROFILE: "/u" })), "/h");
  assertEquals(homeDirectory(env({ USERPROFILE: "/u" })), "/u");
  assertEquals(
    homeDirectory(env({ HOMEDRIVE: "D:", HOMEPATH: "\\me" })),
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
    assertEquals(splitCommand(command, false), words);
  }
  assertEquals(
    splitCommand(`"C:\\Program Files\\tool.exe" -p C:\\x it's`, true),
    ["C:\\Program Files\\tool.exe", "-p", "C:\\x", "it's"],
  );
});
