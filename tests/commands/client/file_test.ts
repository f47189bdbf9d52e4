import { assertEquals, assertRejects } from "@std/assert";
import {
  FileError,
  readClientFile,
  replaceClientFile,
} from "../../../src/commands/client/file.ts";
import { CommandWorld } from "../command_world.ts";

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
        ["a".repeat(300), "fix that, or name another --file"],
      ]
    ) {
      const path = world.path(name);
      await assertRejects(() => readClientFile(path), FileError, words);
    }
  },
});

Deno.test({
  name: "all names of a file with more than one lead to what is written",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const path = await world.write(
      "dotfiles/mcp.json",
      "a longer text than new",
    );
    await Deno.chmod(path, 0o640);
    const other = world.path("mcp.json");
    await Deno.link(path, other);
    const backup = await replaceClientFile(
      await readClientFile(other),
      "new",
      NOW,
    );
    assertEquals(await Deno.readTextFile(path), "new");
    assertEquals(await Deno.readTextFile(other), "new");
    assertEquals(
      await Deno.readTextFile(backup ?? ""),
      "a longer text than new",
    );
    const { nlink, mode } = await Deno.stat(path);
    assertEquals([nlink, (mode ?? 0) & 0o777], [2, 0o640]);
  },
});

Deno.test({
  name: "a pipe, a socket and a device are refused at once",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const pipe = world.path("pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const socket = world.path("socket");
    using _listener = Deno.listen({ transport: "unix", path: socket });
    const link = world.path("link");
    await Deno.symlink(pipe, link);
    for (const path of [pipe, socket, link, "/dev/null"]) {
      await assertRejects(
        () => readClientFile(path),
        FileError,
        "is a pipe, a socket or a device, and no file: name another --file",
      );
    }
  },
});

/** Only root may make files another user's. */
const IGNORE_UNLESS_ROOT = IGNORE_ON_WINDOWS || Deno.uid() !== 0;

Deno.test({
  name:
    "what root writes for another user is that user's: file, backup, new file",
  ignore: IGNORE_UNLESS_ROOT,
  async fn() {
    await using world = await CommandWorld.make();
    const ownerOf = async (path: string) => {
      const { uid, gid, mode } = await Deno.stat(path);
      return [uid, gid, (mode ?? 0) & 0o777];
    };
    const path = await world.write("theirs/mcp.json", "old");
    await Deno.chown(world.path("theirs"), 65534, 65534);
    await Deno.chown(path, 65534, 65533);
    await Deno.chmod(path, 0o640);
    const backup = await replaceClientFile(
      await readClientFile(path),
      "new",
      NOW,
    );
    assertEquals(await ownerOf(path), [65534, 65533, 0o640]);
    assertEquals(await ownerOf(backup ?? ""), [65534, 65533, 0o640]);

    const fresh = world.path("theirs/new.json");
    await replaceClientFile(await readClientFile(fresh), "{}", NOW);
    assertEquals(await ownerOf(fresh), [65534, 65534, 0o600]);

    const deep = world.path("theirs/not/there.json");
    const file = await readClientFile(deep);
    await assertRejects(
      () => replaceClientFile(file, "{}", NOW),
      FileError,
      "belongs to another user: make it as that user first",
    );
    assertEquals(namesIn(world.path("theirs")).includes("not"), false);
  },
});

Deno.test({
  name: "a backup is written over nothing, and through no link",
  ignore: IGNORE_ON_WINDOWS,
  async fn() {
    await using world = await CommandWorld.make();
    const path = await world.write("mcp.json", "old");
    const precious = await world.write("precious", "keep");
    await Deno.symlink(precious, `${path}.2026-01-02T03-04-05-678Z.bak`);
    const file = await readClientFile(path);
    await assertRejects(() => replaceClientFile(file, "new", NOW), FileError);
    assertEquals(await Deno.readTextFile(precious), "keep");
    assertEquals(await Deno.readTextFile(path), "old");
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
