import { assertEquals } from "@std/assert";
import { nearest } from "../../src/config/arguments.ts";

const FLAGS = ["target-url", "region", "service-name", "timeout", "sse"];

Deno.test("the candidate that few letters make of a word is found", () => {
  assertEquals(nearest("regoin", FLAGS), "region");
  assertEquals(nearest("timeoutt", FLAGS), "timeout");
  assertEquals(nearest("ses", FLAGS), "sse");
  assertEquals(nearest("Target-Url", FLAGS), "target-url");
  assertEquals(nearest("service_name", FLAGS), "service-name");
});

Deno.test("a candidate is found by one of its parts", () => {
  assertEquals(nearest("url", FLAGS), "target-url");
});

Deno.test("nothing is suggested when nothing is near", () => {
  assertEquals(nearest("verbose", FLAGS), undefined);
  assertEquals(nearest("", FLAGS), undefined);
  assertEquals(nearest("x", FLAGS), undefined);
});
