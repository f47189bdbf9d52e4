/** The part of `@std/cli` that the package uses. */

export { type Args, parseArgs, type ParseOptions } from "./parse_args.ts";
