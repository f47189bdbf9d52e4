/** Which signature version a refusal wants, by its words. */
import { assertEquals } from "@std/assert";
import { wantedVersion } from "../../../src/aws/refusals/causes.ts";

for (
  const [used, said, wanted] of [
    ["v4", "SigV4 signatures are not accepted here", "v4a"],
    ["v4", "SigV4 isn't supported for global endpoints", "v4a"],
    ["v4", "The endpoint does not support AWS4-HMAC-SHA256", "v4a"],
    ["v4", "SigV4 may not be used here: unsupported algorithm", "v4a"],
    ["v4", "Sign requests to global endpoints with SigV4a", "v4a"],
    ["v4a", "SigV4A is not enabled for this endpoint", "v4"],
    ["v4a", "This service doesn't accept SigV4a", "v4"],
    ["v4", "Unsupported media type", undefined],
    ["v4", "SigV4 is supported, and the date is not", undefined],
    ["v4", "Not a valid key=value pair in: 'AWS4-HMAC-SHA256 x'", undefined],
    [
      "v4",
      "The String-to-Sign should have been 'AWS4-HMAC-SHA256\n20261128'",
      undefined,
    ],
    [
      "v4",
      "User: arn:aws:iam::1:user/sigv4 is not allowed to call",
      undefined,
    ],
  ] as const
) {
  Deno.test(`signed with ${used} and told "${said}", ${wanted ?? "neither"} is wanted`, () => {
    assertEquals(
      wantedVersion({ message: said }, { signatureVersion: used }),
      wanted,
    );
  });
}
