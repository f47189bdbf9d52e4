/** The token of the HTTP server. */
import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { dirname } from "node:path";
import { ConfigError } from "../../../src/errors.ts";
import { makeToken } from "../../../src/http/listen.ts";
import { HttpProxy } from "../../support/program/http_proxy.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

Deno.test("a token that is made has 256 bits, and none is made twice", () => {
  assertMatch(makeToken(), /^[A-Za-z0-9_-]{43}$/);
  assertNotEquals(makeToken(), makeToken());
});

Deno.test("a token that is made lies in a file of mode 0600, which goes with the HTTP server", async () => {
  await using temp = await tempDir();
  let path = "";
  {
    await using proxy = await HttpProxy.before({}, {
      token: undefined,
      tokenDirectory: temp.path,
    });
    const line = JSON.parse(
      await proxy.log.find((line) => line.includes("tokenFile")),
    );
    path = line.tokenFile;
    assertStringIncludes(path, temp.path);
    const { mode } = await Deno.stat(path);
    if (Deno.build.os !== "windows") assertEquals((mode ?? 0) & 0o777, 0o600);
    const token = await Deno.readTextFile(path);
    assertMatch(token, /^[A-Za-z0-9_-]{43}$/);
    assertEquals(proxy.logText.includes(token), false);
    const right = await proxy.post(PING, { authorization: `Bearer ${token}` });
    assertEquals([right.status, (await right.json()).id], [200, 1]);
    const wrong = await proxy.post(PING);
    assertEquals(wrong.status, 401);
    await wrong.body?.cancel();
  }
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  assertEquals([...Deno.readDirSync(temp.path)], []);
});

Deno.test("a token that is given is in no file", async () => {
  await using proxy = await HttpProxy.before({});
  assertEquals(proxy.logText.includes("tokenFile"), false);
});

Deno.test("a token that is short is warned of", async () => {
  await using proxy = await HttpProxy.before({}, { token: "short" });
  assertMatch(proxy.logText, /"level":"warn".*"length":5/);
  assertEquals(proxy.logText.includes('"short"'), false);
});

Deno.test("where the directory takes no file, the log names it, and the token goes to the temporary one", async () => {
  await using temp = await tempDir({ file: "" });
  for (const name of ["not/there", "file"]) {
    const directory = `${temp.path}/${name}`;
    await using proxy = await HttpProxy.before({}, {
      token: undefined,
      tokenDirectory: directory,
    });
    const warning = await proxy.log.find((line) => line.includes('"warn"'));
    assertEquals(JSON.parse(warning).directory, directory);
    const { tokenFile } = JSON.parse(
      await proxy.log.find((line) => line.includes("tokenFile")),
    );
    assertEquals(tokenFile.startsWith(directory), false);
  }
});

/** A directory that is no place for a token, and what is said of it. */
const UNSAFE: Record<
  string,
  {
    readonly make: (directory: string) => Promise<string>;
    readonly said: RegExp;
    readonly ignore?: boolean;
  }
> = {
  "is a link": {
    make: async (directory) => {
      await Deno.symlink(directory, `${directory}-link`);
      return `${directory}-link`;
    },
    said: /it is a link/,
  },
  "others may write to": {
    make: async (directory) => {
      await Deno.chmod(directory, 0o777);
      return directory;
    },
    said: /others may write there; .*chmod 700/,
  },
  "is another user's": {
    make: async (directory) => {
      await Deno.chown(directory, 12345, 12345);
      return directory;
    },
    said: /belongs to the user 12345, not to 0/,
    // Nobody else can give a directory away.
    ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  },
};

for (const [what, { make, said, ignore }] of Object.entries(UNSAFE)) {
  Deno.test({
    name: `a directory that ${what} gets no token, and the log says why`,
    ignore: ignore ?? Deno.build.os === "windows",
    async fn() {
      await using temp = await tempDir();
      const own = temp.path;
      const directory = `${own}/run`;
      await Deno.mkdir(directory);
      const tokenDirectory = await make(directory);
      let path = "";
      {
        await using proxy = await HttpProxy.before({}, {
          token: undefined,
          tokenDirectory,
        });
        const warning = await proxy.log.find((line) => line.includes('"warn"'));
        assertMatch(JSON.parse(warning).error, said);
        const made = await proxy.log.find((line) => line.includes("tokenFile"));
        path = JSON.parse(made).tokenFile;
        assertEquals(path.startsWith(own), false);
        assertEquals(await Array.fromAsync(Deno.readDir(directory)), []);
        const { mode, uid } = await Deno.stat(dirname(path));
        assertEquals([(mode ?? 0) & 0o777, uid], [0o700, Deno.uid()]);
      }
      await assertRejects(() => Deno.stat(dirname(path)), Deno.errors.NotFound);
    },
  });
}

Deno.test("no token beyond loopback is a configuration error", async () => {
  const listen = { hostname: "0.0.0.0", port: 0 };
  const error = await assertRejects(
    () => HttpProxy.start({ target: NOBODY, token: false, listen }),
    ConfigError,
  );
  assertStringIncludes(error.message, "0.0.0.0:0");
  assertStringIncludes(error.message, "leave out token: false");
});
