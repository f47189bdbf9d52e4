/** What a {@linkcode LimitedBytesTransformStream} does at its limit. */
export interface LimitedBytesTransformStreamOptions {
  /** Fail with a `RangeError` instead of ending quietly. */
  error?: boolean;
}

/** Passes chunks on until one would take the total above a number of bytes. */
export class LimitedBytesTransformStream
  extends TransformStream<Uint8Array, Uint8Array> {
  /** A stream that lets `size` bytes pass at most. */
  constructor(size: number, options: LimitedBytesTransformStreamOptions = {}) {
    let left = size;
    super({
      transform(chunk, controller): void {
        if (chunk.byteLength <= left) {
          left -= chunk.byteLength;
          controller.enqueue(chunk);
          return;
        }
        if (options.error) {
          throw new RangeError(`Exceeded byte size limit of '${size}'`);
        }
        controller.terminate();
      },
    });
  }
}
