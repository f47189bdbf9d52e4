import { assertEquals, assertRejects } from "@std/assert";
import {
  FileError,
  readClientFile,
  replaceClientFile,
} from "../../../src/commands/client/file.ts";
import { CommandWorld } from "../command_world.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const BACKUP = ".2026-01-02T03-04-05-678Z.bak";

const onPosix = { ignore: Deno.build.os === "windows" };

/** Only root may make files another user's. */
const asRoot = { ignore: onPosix.ignore || Deno.uid() !== 0 };

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

/** Reads a file and replaces it; gives where the backup is. */
async function replace(
  path: string,
  text: string,
): Promise<string | undefined> {
  return await replaceClientFile(await readClientFile(path), text, NOW);
}

async function assertRefused(
  work: () => Promise<unknown>,
  words: string,
): Promise<void> {
  await assertRejects(work, FileError, words);
}

Deno.test("a file is replaced, with a copy of what it was and nothing else beside it", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write("dir/mcp.json", "old");
  assertEquals(await replace(path, "new\r\n"), path + BACKUP);
  assertEquals(await Deno.readTextFile(path), "new\r\n");
  assertEquals(await Deno.readTextFile(path + BACKUP), "old");
  assertEquals(namesIn(world.path("dir")).length, 2);
});

Deno.test(
  "the mode of a file stays, and a new one is for its owner alone",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const path = await world.write("old.json", "{}");
    await Deno.chmod(path, 0o640);
    await replace(path, "{ }");
    assertEquals([modeOf(path), modeOf(path + BACKUP)], [0o640, 0o640]);
    const fresh = world.path("deep/down/new.json");
    assertEquals(await replace(fresh, "{}"), undefined);
    assertEquals(modeOf(fresh), 0o600);
  },
);

Deno.test(
  "a link stays a link, and what it leads to is replaced",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const real = await world.write("dotfiles/mcp.json", "old");
    const link = world.path("mcp.json");
    await Deno.symlink(real, link);
    assertEquals(await replace(link, "new"), real + BACKUP);
    assertEquals((await Deno.lstat(link)).isSymlink, true);
    assertEquals(await Deno.readTextFile(real), "new");
  },
);

Deno.test(
  "a link that leads nowhere is not replaced by a file",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const link = world.path("mcp.json");
    await Deno.symlink(world.path("dotfiles/mcp.json"), link);
    const words = "a link to a file that is not there";
    await assertRefused(() => readClientFile(link), words);
    assertEquals((await Deno.lstat(link)).isSymlink, true);
  },
);

Deno.test(
  "a file that nobody may write is not replaced, and not copied",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const path = await world.write("dir/mcp.json", "old");
    await Deno.chmod(path, 0o444);
    await assertRefused(() => replace(path, "new"), "chmod u+w");
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(namesIn(world.path("dir")), ["mcp.json"]);
  },
);

Deno.test(
  "a path that can be no file is refused with what to do",
  onPosix,
  async () => {
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
    ) await assertRefused(() => readClientFile(world.path(name)), words);
  },
);

Deno.test(
  "all names of a file with more than one lead to what is written",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const before = "a longer text than new";
    const path = await world.write("dotfiles/mcp.json", before);
    await Deno.chmod(path, 0o640);
    const other = world.path("mcp.json");
    await Deno.link(path, other);
    await replace(other, "new");
    assertEquals(await Deno.readTextFile(path), "new");
    assertEquals(await Deno.readTextFile(other), "new");
    assertEquals(await Deno.readTextFile(other + BACKUP), before);
    assertEquals([(await Deno.stat(path)).nlink, modeOf(path)], [2, 0o640]);
  },
);

Deno.test(
  "a pipe, a socket and a device are refused at once",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const pipe = world.path("pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const socket = world.path("socket");
    using _listener = Deno.listen({ transport: "unix", path: socket });
    const link = world.path("link");
    await Deno.symlink(pipe, link);
    const words =
      "is a pipe, a socket or a device, and no file: name another --file";
    for (const path of [pipe, socket, link, "/dev/null"]) {
      await assertRefused(() => readClientFile(path), words);
    }
  },
);

Deno.test(
  "what root writes for another user is that user's: file, backup, new file",
  asRoot,
  async () => {
    await using world = await CommandWorld.make();
    const ownerOf = async (path: string) => {
      const { uid, gid } = await Deno.stat(path);
      return [uid, gid, modeOf(path)];
    };
    const path = await world.write("theirs/mcp.json", "old");
    await Deno.chown(world.path("theirs"), 65534, 65534);
    await Deno.chown(path, 65534, 65533);
    await Deno.chmod(path, 0o640);
    await replace(path, "new");
    assertEquals(await ownerOf(path), [65534, 65533, 0o640]);
    assertEquals(await ownerOf(path + BACKUP), [65534, 65533, 0o640]);
    const fresh = world.path("theirs/new.json");
    await replace(fresh, "{}");
    assertEquals(await ownerOf(fresh), [65534, 65534, 0o600]);
    const words = "belongs to another user: make it as that user first";
    const deep = world.path("theirs/not/there.json");
    await assertRefused(() => replace(deep, "{}"), words);
    assertEquals(namesIn(world.path("theirs")).includes("not"), false);
  },
);

Deno.test(
  "a backup is written over nothing, and through no link",
  onPosix,
  async () => {
    await using world = await CommandWorld.make();
    const path = await world.write("mcp.json", "old");
    const precious = await world.write("precious", "keep");
    await Deno.symlink(precious, path + BACKUP);
    await assertRefused(
      () => replace(path, "new"),
      "cannot be read or replaced",
    );
    assertEquals(await Deno.readTextFile(precious), "keep");
    assertEquals(await Deno.readTextFile(path), "old");
  },
);

Deno.test("a file that somebody else has changed meanwhile keeps their words", async () => {
  await using world = await CommandWorld.make();
  await world.write("mcp.json", "old");
  for (const name of ["mcp.json", "new.json"]) {
    const file = await readClientFile(world.path(name));
    await world.write(name, "theirs");
    const words = "changed by somebody else";
    await assertRefused(() => replaceClientFile(file, "mine", NOW), words);
    assertEquals(await Deno.readTextFile(world.path(name)), "theirs");
  }
  const names = namesIn(world.home);
  assertEquals(names.filter((name) => name.endsWith(".tmp")), []);
});

Deno.test("bytes that are no UTF-8 are not touched", async () => {
  await using world = await CommandWorld.make();
  const path = world.path("mcp.json");
  await Deno.writeFile(path, Uint8Array.of(0x7b, 0xff, 0x7d));
  await assertRefused(() => readClientFile(path), "save it as UTF-8");
});

Deno.test({
  name:
    "a file that Deno may not read is named with the flags for its directory",
  permissions: { read: false, write: false },
  async fn() {
    const { message } = await assertRejects(
      () => readClientFile("/etc/mcp.json"),
      FileError,
    );
    const flags = "add --allow-read=/etc --allow-write=/etc";
    assertEquals(message, `no permission for /etc/mcp.json: ${flags}`);
  },
});
