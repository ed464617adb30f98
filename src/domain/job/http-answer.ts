import { z } from 'zod';

/** Parts of the http executor: what is sent, and how the answer is judged. */

/** What the connection is made of, and the run's own. */
const reservedHeader =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|content-length|upgrade|expect|te|trailer|traceparent|cronmesh-.*)$/i;

export const requestHeaders = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be an HTTP header name'),
    z
      .string()
      .regex(
        /^[\t\x20-\x7e\x80-\xff]*$/,
        'must be what a header can hold: no line breaks, no characters beyond U+00FF',
      ),
  )
  .refine(headers => !Object.keys(headers).some(name => reservedHeader.test(name)), {
    message:
      'must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets',
  });

export const requestUrl = z
  .url({ protocol: /^https?$/, message: 'must be an http or https URL' })
  .refine(url => !/^\s*https?:\/\/[^/?#]*\$\(/i.test(url), {
    message: 'must not have $(NAME) before its path: names are replaced in path and query only',
  });

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

export const expectedBody = z
  .strictObject({
    contains: z.string().min(1).max(10_000).describe('A text that it must contain.').optional(),
    matches: z
      .string()
      .min(1)
      .max(1_000)
      .refine(isPattern, 'must be a regular expression of JavaScript (with the flag u)')
      .describe('A regular expression of JavaScript (flag u) that must be found in it, within 5 s.')
      .optional(),
    json: z
      .strictObject({
        pointer: z
          .string()
          .max(1_000)
          .regex(/^(\/([^~/]|~[01])*)*$/, 'must be a JSON pointer (RFC 6901): "" or "/status/0"')
          .describe('Where in the body, as a JSON pointer (RFC 6901); "" is the whole.'),
        equals: z.unknown().describe('The JSON value that must be there.'),
      })
      .describe('The body must be JSON of at most 1 MiB with this value at that place.')
      .optional(),
  })
  .refine(body => body.contains !== undefined || body.matches !== undefined || body.json !== undefined, {
    message: 'at least one of contains, matches and json is needed',
  });

export const asynchronous = z.strictObject({
  timeoutSeconds: z
    .number()
    .min(0.001)
    .max(31_536_000)
    .describe(
      'The most seconds from the answer 202 to the callback; without it, what is left of the run’s own time-out.',
    )
    .optional(),
});

export type ExpectedBody = z.output<typeof expectedBody>;
