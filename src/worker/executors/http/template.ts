import { expand } from '../../../domain/expand.ts';

/**
 * Replaces `$(NAME)` in a URL's path and query by percent-encoded values. Host, port, credentials and fragment stay as
 * they are, and so do the number and the order of the path's segments: a value is data, and leads nowhere else.
 *
 * @throws when values would make a segment of dots, which means another place
 */
export function expandUrl(url: URL, values: Readonly<Record<string, string>>): URL {
  const encoded = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, encodeURIComponent(value.toWellFormed())]),
  );
  const path = expand(url.pathname, encoded);
  const query = expand(url.search, encoded);
  const expanded = new URL(url);
  expanded.pathname = path.text;
  if (expanded.pathname !== path.text) {
    throw new Error(
      `the values of ${path.used.join(', ')} would make another path of the url: it would be ${expanded.pathname}`,
    );
  }
  expanded.search = query.text;
  return expanded;
}
