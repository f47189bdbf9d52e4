/** Method and headers of a request, as `fetch` takes them. */

type HeaderPair = readonly [name: string, value: string];

/** The headers as `fetch` takes them, without a `Headers` where none is. */
export function headerPairs(headers: HeadersInit | undefined): HeaderPair[] {
  if (headers === undefined) return [];
  if (headers instanceof Headers) return [...headers];
  if (!(Symbol.iterator in headers)) return Object.entries(headers);
  return [...headers].map(([name, value]) => [name, value]);
}

export function isContentType([name]: HeaderPair): boolean {
  return name.toLowerCase() === "content-type";
}

/** As fetch does: these in upper case, any other as it is. */
export function methodOf(method: string): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method)
    ? method.toUpperCase()
    : method;
}
