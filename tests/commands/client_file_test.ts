import { assertEquals, assertRejects } from "@std/assert";
import {
  FileError,
  readClientFile,
  replaceClientFile,
  withoutMark,
} from "../../src/commands/client_file.ts";
import { CommandWorld } from "./command_world.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const IGNORE_ON_WINDOWS = Deno.build.os === "windows";

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("a file is replaced, with a copy of what it was and nothing else beside it", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write("dir/mcp.json", "old");
  const backup = await replaceClientFile(
    await readClientFile(path),
    "new\r\n",
    NOW,
  );
  assertEquals(backup, `${path}.2026-01-02T03-04-05-678Z.bak`);
  assertEquals(await Deno.readTextFile(path), "new\r\n");
  assertEquals(await Deno.readTextFile(backup ?? ""), "old");
  assertEquals(namesIn(world.path("dir")).length, 2);
});

Deno.test({
  name: "the mode of a file stays, and a new one is for its owner alone",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const path = await world.write("old.json", "{}");
    await Deno.chmod(path, 0o640);
    const backup = await replaceClientFile(
      await readClientFile(path),
      "{ }",
      NOW,
    );
    const modeOf = async (path: string) =>
      ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await modeOf(path), 0o640);
    assertEquals(await modeOf(backup ?? ""), 0o640);

    const fresh = world.path("deep/down/new.json");
    assertEquals(
      await replaceClientFile(await readClientFile(fresh), "{}", NOW),
      undefined,
    );
    assertEquals(await modeOf(fresh), 0o600);
  },
});

Deno.test({
  name: "a link stays a link, and what it leads to is replaced",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const real = await world.write("dotfiles/mcp.json", "old");
    const link = world.path("mcp.json");
    await Deno.symlink(real, link);
    const file = await readClientFile(link);
    await replaceClientFile(file, "new", NOW);
    assertEquals((await Deno.lstat(link)).isSymlink, true);
    assertEquals(await Deno.readTextFile(real), "new");
    assertEquals(file.path, real);
  },
});

Deno.test({
  name: "a link that leads nowhere is not replaced by a file",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const link = world.path("mcp.json");
    await Deno.symlink(world.path("dotfiles/mcp.json"), link);
    await assertRejects(
      () => readClientFile(link),
      FileError,
      "a link to a file that is not there",
    );
    assertEquals((await Deno.lstat(link)).isSymlink, true);
  },
});

Deno.test({
  name: "a file that nobody may write is not replaced, and not copied",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const path = await world.write("dir/mcp.json", "old");
    await Deno.chmod(path, 0o444);
    const file = await readClientFile(path);
    await assertRejects(
      () => replaceClientFile(file, "new", NOW),
      FileError,
      "chmod u+w",
    );
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(namesIn(world.path("dir")), ["mcp.json"]);
  },
});

Deno.test({
  name: "a path that can be no file is refused with what to do",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    await world.write("dir/mcp.json", "old");
    await Deno.symlink(world.path("loop"), world.path("loop"));
    for (
      const [name, words] of [
        ["dir", "is a directory: name a file in it"],
        ["dir/mcp.json/more", "is below a file"],
        ["loop", "leads back to itself"],
        ["a".repeat(300), "mend that, or name another --file"],
      ]
    ) {
      const path = world.path(name);
      await assertRejects(() => readClientFile(path), FileError, words);
    }
  },
});

Deno.test("a file that somebody else has changed meanwhile keeps their words", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write("mcp.json", "old");
  const file = await readClientFile(path);
  await Deno.writeTextFile(path, "theirs");
  await assertRejects(
    () => replaceClientFile(file, "mine", NOW),
    FileError,
    "changed by somebody else",
  );
  assertEquals(await Deno.readTextFile(path), "theirs");

  const fresh = await readClientFile(world.path("new.json"));
  await world.write("new.json", "theirs");
  await assertRejects(() => replaceClientFile(fresh, "mine", NOW), FileError);
  assertEquals(await Deno.readTextFile(world.path("new.json")), "theirs");
  assertEquals(
    namesIn(world.home).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

Deno.test("bytes that are no UTF-8 are not touched", async () => {
  await using world = await CommandWorld.make();
  const path = world.path("mcp.json");
  await Deno.writeFile(path, Uint8Array.of(0x7b, 0xff, 0x7d));
  await assertRejects(
    () => readClientFile(path),
    FileError,
    "save it as UTF-8",
  );
});

Deno.test("a byte order mark is put back before the text", () => {
  assertEquals(withoutMark("\uFEFF{}"), { mark: "\uFEFF", rest: "{}" });
  assertEquals(withoutMark("{}"), { mark: "", rest: "{}" });
});
