/** A temporary directory. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** Makes one, which goes with all that is in it when it is disposed of. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
