import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { createCredentialSource } from "../../../src/aws/credentials/credentials.ts";
import {
  CredentialCache,
  type FileWatch,
} from "../../../src/aws/credentials/cache.ts";
import {
  SourceError,
  UnclearFilesError,
} from "../../../src/aws/shared_files/settings.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import type { Log } from "../../../src/log/log.ts";
import { ContainerPeer, keysOf } from "../../support/aws/credential_peers.ts";
import { keySection, World } from "./world.ts";
import type {
  Credentials,
  CredentialSource,
} from "../../../src/aws/credentials/types.ts";

const MINUTE = 60_000;

/** A source over the container endpoint, whose clock the test moves. */
class CachedWorld extends World {
  readonly container: ContainerPeer = new ContainerPeer();
  readonly source: CredentialSource;
  readonly lines: string[] = [];
  loads = 0;
  #now = Date.now();

  constructor() {
    super();
    const note = (message: string) => this.lines.push(message);
    const log: Log = { debug() {}, info: note, warn: note, error: note };
    this.container.expiration = () => new Date(this.#now + 60 * MINUTE);
    const read = this.env({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: this.container.url,
    });
    const env = (name: string) => {
      // Each load begins with it, before anything is awaited.
      if (name === "AWS_ACCESS_KEY_ID") this.loads++;
      return read(name);
    };
    this.source = createCredentialSource({ env, now: () => this.#now, log });
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  get asked(): number {
    return this.container.requests.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
    this[Symbol.dispose]();
  }
}

/** Asks until the answer is another than this. */
async function renewed(
  source: CredentialSource,
  old: Credentials,
): Promise<Credentials> {
  for (;;) {
    const found = await source.get();
    if (found.accessKeyId !== old.accessKeyId) return found;
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("the second question is answered from memory, with the same set", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const first = await source.get();
  world.pass(54 * MINUTE);
  assertStrictEquals(await source.get(), first);
  assertEquals(world.asked, 1);
});

Deno.test("many who ask at once share one load", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const asked = Array.from({ length: 50 }, () => source.get());
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) assertStrictEquals(other, first);
  assertEquals(world.asked, 1);
});

Deno.test("five minutes before the end the old set is given out while one load brings the next", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const first = await source.get();
  world.pass(56 * MINUTE);
  const gate = Promise.withResolvers<void>();
  world.container.gate = gate.promise;
  const during = await Promise.all([source.get(), source.get(), source.get()]);
  for (const one of during) assertStrictEquals(one, first);
  gate.resolve();
  const next = await renewed(source, first);
  assertEquals(next.accessKeyId, "ASIACONTAINER2");
  assertEquals(world.asked, 2);
});

Deno.test("an expired set is never given out: all wait for one load", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  await source.get();
  world.pass(60 * MINUTE);
  const found = await Promise.all([source.get(), source.get(), source.get()]);
  for (const one of found) assertEquals(one.accessKeyId, "ASIACONTAINER2");
  assertEquals(world.asked, 2);
});

Deno.test("a renewal that fails leaves the old set in use and is tried again later", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const first = await source.get();
  world.pass(56 * MINUTE);
  world.container.failure = () => new Response(null, { status: 500 });
  while (world.lines.length === 0) {
    assertStrictEquals(await source.get(), first);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertStringIncludes(world.lines[0], "could not be renewed");
  assertEquals(world.loads, 2);
  assertStrictEquals(await source.get(), first);
  assertEquals(world.loads, 2);
  world.container.failure = () => undefined;
  world.pass(MINUTE);
  await renewed(source, first);
  assertEquals(world.loads, 3);
});

Deno.test("a short-lived set is not renewed as soon as it comes", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const end = Date.now() + 2 * MINUTE;
  world.container.expiration = () => new Date(end);
  const first = await source.get();
  assertStrictEquals(await source.get(), first);
  world.pass(MINUTE);
  assertStrictEquals(await source.get(), first);
  assertEquals(world.loads, 1);
});

Deno.test("a set that is over by this clock is used, and not asked for at every question", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  world.container.expiration = () => new Date(0);
  const first = await source.get();
  assertStrictEquals(await source.get(), first);
  assertStringIncludes(world.lines[0], "clock");
  world.pass(2 * MINUTE);
  assertNotEquals((await source.get()).accessKeyId, first.accessKeyId);
});

Deno.test("a refused set is dropped once, whoever says so", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  const refused = await source.get();
  const fresh = await Promise.all([
    source.get({ refresh: refused }),
    source.get({ refresh: refused }),
  ]);
  for (const one of fresh) assertEquals(one.accessKeyId, "ASIACONTAINER2");
  // A late reader of the old refusal does not cost the new set.
  assertStrictEquals(await source.get({ refresh: refused }), fresh[0]);
  assertEquals(world.asked, 2);
});

Deno.test("who gives up waiting does not end the load for the others", async () => {
  await using world = new CachedWorld();
  const gate = Promise.withResolvers<void>();
  world.container.gate = gate.promise;
  const { source } = world;
  const patient = source.get();
  const hasty = new AbortController();
  const given = source.get({ signal: hasty.signal });
  hasty.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  await assertRejects(
    () => source.get({ signal: hasty.signal }),
    Error,
    "enough",
  );
  gate.resolve();
  assertEquals((await patient).accessKeyId, "ASIACONTAINER1");
});

Deno.test("a failure is not kept: credentials that appear are used at once", async () => {
  using world = new World();
  const source = createCredentialSource({ env: world.env() });
  await assertRejects(() => source.get(), CredentialsError, "none found");
  world.write(".aws/credentials", keySection("late"));
  assertEquals((await source.get()).accessKeyId, "ASIALATE");
});

/** Asks a container that takes so long to say no. */
async function failAfter(ms: number, world: CachedWorld): Promise<void> {
  const { source, container } = world;
  const gate = Promise.withResolvers<void>();
  container.gate = gate.promise;
  container.failure = () => new Response(null, { status: 404 });
  const asked = source.get();
  while (world.asked === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  world.pass(ms);
  gate.resolve();
  await assertRejects(() => asked, CredentialsError, "404");
}

Deno.test("a failure that came at once is not kept, even if no file changes", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  await failAfter(500, world);
  world.container.failure = () => undefined;
  await source.get();
});

Deno.test("a failure that took seconds is repeated for a while, then asked again", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  await failAfter(2_000, world);
  const tried = world.asked;
  world.container.failure = () => undefined;
  await assertRejects(() => source.get(), CredentialsError, "404");
  assertEquals(world.asked, tried);
  world.pass(20_000);
  await source.get();
});

Deno.test("a failure that took seconds is forgotten when a file appears", async () => {
  await using world = new CachedWorld();
  const { source } = world;
  await failAfter(2_000, world);
  world.write(".aws/credentials", keySection("file"));
  assertEquals((await source.get()).accessKeyId, "ASIAFILE");
});

Deno.test("a file that is written anew is used by the next request", async () => {
  using world = new World();
  const path = world.write(".aws/credentials", keySection("one"));
  const source = createCredentialSource({ env: world.env() });
  const first = await source.get();
  assertEquals(first.accessKeyId, "ASIAONE");
  for (const name of ["two", "six", "ten"]) {
    Deno.writeTextFileSync(path, keySection(name));
    const { accessKeyId } = await source.get();
    assertEquals(accessKeyId, keysOf(name).accessKeyId);
  }
});

Deno.test("a file that is replaced by a rename is used by the next request", async () => {
  using world = new World();
  const path = world.write(".aws/credentials", keySection("one"));
  const { mtime } = Deno.statSync(path);
  assert(mtime !== null);
  const source = createCredentialSource({ env: world.env() });
  await source.get();
  // The same size and time: only the file is another.
  const other = world.write(".aws/credentials.new", keySection("two"));
  Deno.utimeSync(other, mtime, mtime);
  Deno.renameSync(other, path);
  assertEquals((await source.get()).accessKeyId, "ASIATWO");
});

Deno.test("a file that is gone is missed by the next request", async () => {
  using world = new World();
  const path = world.write(".aws/credentials", keySection("one"));
  const source = createCredentialSource({ env: world.env() });
  await source.get();
  Deno.removeSync(path);
  await assertRejects(() => source.get(), CredentialsError, "no longer in");
});

/** A cache over loads that are given here, of a file of this world. */
function cacheOf(
  load: (path: string, watch: FileWatch) => Promise<Credentials>,
  path: string,
): CredentialCache {
  const redactor = new Redactor();
  return new CredentialCache(async (watch) => {
    await watch.see(path);
    return await load(path, watch);
  }, { now: Date.now, log: SILENT_LOG, redactor });
}

Deno.test("a file that changes while it is read is read once more before anything is signed", async () => {
  using world = new World();
  let loads = 0;
  const cache = cacheOf((path) => {
    loads++;
    if (loads === 1) Deno.writeTextFileSync(path, "the second writing");
    return Promise.resolve(keysOf(`load${loads}`));
  }, world.write("file", "the first"));
  assertEquals((await cache.get()).accessKeyId, "ASIALOAD2");
  assertEquals((await cache.get()).accessKeyId, "ASIALOAD2");
});

Deno.test("keys that a change of the files has ended do not come back while a file is half written", async () => {
  using world = new World();
  const path = world.write("file", "keys");
  const answers = [
    () => keysOf("first"),
    () => {
      throw new SourceError("profile", "has no keys any more");
    },
    () => {
      throw new UnclearFilesError("profile", "is half written");
    },
  ];
  const cache = cacheOf(
    async () => await Promise.try(answers.shift() ?? keysOf, "last"),
    path,
  );
  assertEquals((await cache.get()).accessKeyId, "ASIAFIRST");
  for (const said of ["has no keys any more", "is half written"]) {
    Deno.writeTextFileSync(path, said);
    await assertRejects(() => cache.get(), CredentialsError, said);
  }
  assertEquals((await cache.get()).accessKeyId, "ASIALAST");
});

Deno.test("nothing is read when nothing changed", async () => {
  using world = new World();
  const path = world.write(".aws/credentials", keySection("one"));
  const { mtime } = Deno.statSync(path);
  assert(mtime !== null);
  const source = createCredentialSource({ env: world.env() });
  const first = await source.get();
  // Who read it again would see other keys; a stat sees nothing.
  Deno.writeTextFileSync(path, keySection("two"));
  Deno.utimeSync(path, mtime, mtime);
  for (let i = 0; i < 100; i++) assertStrictEquals(await source.get(), first);
});

Deno.test("a program is not run again when nothing changed", async () => {
  using world = new World();
  const runs = world.path("runs");
  const script = world.write(
    "tool.sh",
    `echo run >> "${runs}"\n` +
      'echo \'{"Version":1,"AccessKeyId":"AKIATOOL",' +
      '"SecretAccessKey":"tool-secret"}\'\n',
  );
  world.write(
    ".aws/config",
    `[default]\ncredential_process = sh ${script}\n`,
  );
  const source = createCredentialSource({ env: world.env() });
  const first = await source.get();
  for (let i = 0; i < 100; i++) assertStrictEquals(await source.get(), first);
  assertEquals(Deno.readTextFileSync(runs), "run\n");
});

Deno.test("nothing is looked for before the first question", async () => {
  using world = new World();
  const asked: string[] = [];
  const read = world.env();
  const source = createCredentialSource({
    env: (name) => {
      asked.push(name);
      return read(name);
    },
  });
  assertEquals(asked, []);
  await assertRejects(() => source.get(), CredentialsError);
  assert(asked.includes("AWS_ACCESS_KEY_ID"));
});
