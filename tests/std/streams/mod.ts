/** The part of `@std/streams` that the package and its tests use. */

export {
  LimitedBytesTransformStream,
  type LimitedBytesTransformStreamOptions,
} from "./limited_bytes_transform_stream.ts";
export { toBytes } from "./to_bytes.ts";
export { toText } from "./to_text.ts";
