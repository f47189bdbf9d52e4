import { dirname, join } from "node:path";

/** A temporary directory. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes one, which goes with all that is in it when it is disposed of.
 *
 * @param files Texts of files in it, by their paths from there.
 */
export async function tempDir(
  files: Readonly<Record<string, string>> = {},
): Promise<TempDir> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(path, name)), { recursive: true });
    await Deno.writeTextFile(join(path, name), text);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
