import { job, type Row } from '../row.ts';

/** The executor for requests. */

const request = (more: Record<string, unknown>) => job({ executor: { http: { url: 'https://example.com', ...more } } });

export const httpRows: readonly Row[] = [
  [
    'a URL in place of http',
    job({ executor: { http: 'https://example.com' } }),
    ['spec.executor.http = "https://example.com": must be a mapping'],
  ],
  ['no URL', job({ executor: { http: {} } }), ['spec.executor.http.url: is needed: a string']],
  [
    'an unknown field of http',
    request({ timeout: 5 }),
    [
      'spec.executor.http.timeout = 5: is not a known field. Allowed here: url, method, headers, body, expectedStatus, expectedBody, asynchronous, maxRedirects, outputLimitBytes',
    ],
  ],
  [
    'a misspelled field of http',
    request({ header: {} }),
    [
      'spec.executor.http.header = {}: is not a known field; did you mean headers? Allowed here: url, method, headers, body, expectedStatus, expectedBody, asynchronous, maxRedirects, outputLimitBytes',
    ],
  ],
  [
    'a URL as a list',
    request({ url: ['https://example.com'] }),
    ['spec.executor.http.url = ["https://example.com"]: must be a string'],
  ],
  [
    'no URL but a word',
    request({ url: 'example' }),
    ['spec.executor.http.url = "example": must be an http or https URL'],
  ],
  [
    'a URL of another protocol',
    request({ url: 'ftp://example.com' }),
    ['spec.executor.http.url = "ftp://example.com": must be an http or https URL'],
  ],
  [
    'a URL without a host',
    request({ url: 'http://' }),
    ['spec.executor.http.url = "http://": must be an http or https URL'],
  ],
  [
    'a name in a host',
    request({ url: 'https://$(CRONMESH_JOB).example.com/' }),
    [
      'spec.executor.http.url = "https://$(CRONMESH_JOB).example.com/": must not have $(NAME) before its path: names are replaced in path and query only',
    ],
  ],
  [
    'a name as a password',
    request({ url: 'https://u:$(TOKEN)@example.com/' }),
    [
      'spec.executor.http.url = "https://u:$(TOKEN)@example.com/": must not have $(NAME) before its path: names are replaced in path and query only',
    ],
  ],
  [
    'another method',
    request({ method: 'get' }),
    [
      'spec.executor.http.method = "get": must be one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"; did you mean "GET"?',
    ],
  ],
  [
    'a method as a number',
    request({ method: 5 }),
    ['spec.executor.http.method = 5: must be one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"'],
  ],
  [
    'headers as a list',
    request({ headers: ['X-A: a'] }),
    ['spec.executor.http.headers = ["X-A: a"]: must be a mapping'],
  ],
  [
    'a header as a number',
    request({ headers: { 'X-A': 5 } }),
    ['spec.executor.http.headers.X-A = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'a header of two lines',
    request({ headers: { 'X-A': 'a\nb' } }),
    [
      'spec.executor.http.headers.X-A = "a\\nb": must be what a header can hold: no line breaks, no characters beyond U+00FF',
    ],
  ],
  [
    'a header beyond U+00FF',
    request({ headers: { 'X-A': '…' } }),
    [
      'spec.executor.http.headers.X-A = "…": must be what a header can hold: no line breaks, no characters beyond U+00FF',
    ],
  ],
  [
    'a wrong name of a header',
    request({ headers: { 'X A': 'a' } }),
    ['spec.executor.http.headers["X A"] = "X A": the name must be an HTTP header name'],
  ],
  [
    'a header of the connection',
    request({ headers: { 'Content-Length': '3' } }),
    [
      'spec.executor.http.headers = {"Content-Length":"3"}: must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets',
    ],
  ],
  [
    "a header of the run's own",
    request({ headers: { 'cronmesh-run': 'x' } }),
    [
      'spec.executor.http.headers = {"cronmesh-run":"x"}: must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets',
    ],
  ],
  [
    'a header that JavaScript keeps for itself',
    request({ headers: JSON.parse('{"__proto__":"x"}') }),
    ['spec.executor.http.headers.__proto__ = "x": cannot be used as a name'],
  ],
  ['a body as a mapping', request({ body: { a: 1 } }), ['spec.executor.http.body = {"a":1}: must be a string']],
  [
    'a body with a NUL',
    request({ body: 'a\0' }),
    ['spec.executor.http.body = "a\\u0000": must be text without NUL or broken characters'],
  ],
  [
    'statuses in place of a list',
    request({ expectedStatus: 200 }),
    ['spec.executor.http.expectedStatus = 200: must be a list'],
  ],
  [
    'no expected status',
    request({ expectedStatus: [] }),
    ['spec.executor.http.expectedStatus = []: must not be empty'],
  ],
  [
    'statuses that are none',
    request({ expectedStatus: [99, 600, 200.5, 'ok', '6xx', '200-'] }),
    [
      'spec.executor.http.expectedStatus[0] = 99: must be at least 100',
      'spec.executor.http.expectedStatus[1] = 600: must be at most 599',
      'spec.executor.http.expectedStatus[2] = 200.5: must be a whole number or a string',
      'spec.executor.http.expectedStatus[3] = "ok": must be a status (204), a class (2xx) or a range (200-299)',
      'spec.executor.http.expectedStatus[4] = "6xx": must be a status (204), a class (2xx) or a range (200-299)',
      'spec.executor.http.expectedStatus[5] = "200-": must be a status (204), a class (2xx) or a range (200-299)',
    ],
  ],
  [
    'a status as a mapping',
    request({ expectedStatus: [{}] }),
    ['spec.executor.http.expectedStatus[0] = {}: must be a number or a string'],
  ],
  ['redirects below 0', request({ maxRedirects: -1 }), ['spec.executor.http.maxRedirects = -1: must be at least 0']],
  ['too many redirects', request({ maxRedirects: 21 }), ['spec.executor.http.maxRedirects = 21: must be at most 20']],
  [
    'half a redirect',
    request({ maxRedirects: 0.5 }),
    ['spec.executor.http.maxRedirects = 0.5: must be a whole number'],
  ],
  [
    'redirects as a flag',
    request({ maxRedirects: true }),
    ['spec.executor.http.maxRedirects = true: must be a number'],
  ],
  [
    'an answer below 0 bytes',
    request({ outputLimitBytes: -1 }),
    ['spec.executor.http.outputLimitBytes = -1: must be at least 0'],
  ],
  [
    'an answer that is too large',
    request({ outputLimitBytes: 67_108_865 }),
    ['spec.executor.http.outputLimitBytes = 67108865: must be at most 67108864'],
  ],
  [
    'an answer of a part',
    request({ outputLimitBytes: 0.5 }),
    ['spec.executor.http.outputLimitBytes = 0.5: must be a whole number'],
  ],
  [
    'an answer with a unit',
    request({ outputLimitBytes: '64Ki' }),
    ['spec.executor.http.outputLimitBytes = "64Ki": must be a number'],
  ],
  [
    'an expected body as text',
    request({ expectedBody: 'ok' }),
    ['spec.executor.http.expectedBody = "ok": must be a mapping'],
  ],
  [
    'a body of which nothing is expected',
    request({ expectedBody: {} }),
    ['spec.executor.http.expectedBody = {}: at least one of contains, matches and json is needed'],
  ],
  [
    'an unknown field of an expected body',
    request({ expectedBody: { contain: 'ok' } }),
    [
      'spec.executor.http.expectedBody.contain = "ok": is not a known field; did you mean contains? Allowed here: contains, matches, json',
      'spec.executor.http.expectedBody = {"contain":"ok"}: at least one of contains, matches and json is needed',
    ],
  ],
  [
    'a body that contains a number',
    request({ expectedBody: { contains: 1 } }),
    ['spec.executor.http.expectedBody.contains = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'nothing that is contained',
    request({ expectedBody: { contains: '' } }),
    ['spec.executor.http.expectedBody.contains = "": must not be empty'],
  ],
  [
    'too much that is contained',
    request({ expectedBody: { contains: 'c'.repeat(10_001) } }),
    [`spec.executor.http.expectedBody.contains = "${'c'.repeat(198)}…: must have at most 10000 characters`],
  ],
  [
    'a pattern as a list',
    request({ expectedBody: { matches: ['a'] } }),
    ['spec.executor.http.expectedBody.matches = ["a"]: must be a string'],
  ],
  [
    'an empty pattern',
    request({ expectedBody: { matches: '' } }),
    ['spec.executor.http.expectedBody.matches = "": must not be empty'],
  ],
  [
    'a pattern that is none',
    request({ expectedBody: { matches: '(' } }),
    ['spec.executor.http.expectedBody.matches = "(": must be a regular expression of JavaScript (with the flag u)'],
  ],
  [
    'a pattern that is too long',
    request({ expectedBody: { matches: 'm'.repeat(1_001) } }),
    [`spec.executor.http.expectedBody.matches = "${'m'.repeat(198)}…: must have at most 1000 characters`],
  ],
  [
    'a value in place of json',
    request({ expectedBody: { json: 'ok' } }),
    ['spec.executor.http.expectedBody.json = "ok": must be a mapping'],
  ],
  [
    'an unknown field of json',
    request({ expectedBody: { json: { path: '/a', pointer: '/a', equals: 1 } } }),
    ['spec.executor.http.expectedBody.json.path = "/a": is not a known field. Allowed here: pointer, equals'],
  ],
  [
    'a misspelled field of json',
    request({ expectedBody: { json: { pointer: '/a', equal: 1, equals: 1 } } }),
    [
      'spec.executor.http.expectedBody.json.equal = 1: is not a known field; did you mean equals? Allowed here: pointer, equals',
    ],
  ],
  [
    'json without a pointer',
    request({ expectedBody: { json: { equals: 1 } } }),
    ['spec.executor.http.expectedBody.json.pointer: is needed: a string'],
  ],
  [
    'a pointer that is none',
    request({ expectedBody: { json: { pointer: 'status', equals: 1 } } }),
    ['spec.executor.http.expectedBody.json.pointer = "status": must be a JSON pointer (RFC 6901): "" or "/status/0"'],
  ],
  [
    'a pointer that is too long',
    request({ expectedBody: { json: { pointer: `/${'p'.repeat(1_000)}`, equals: 1 } } }),
    [`spec.executor.http.expectedBody.json.pointer = "/${'p'.repeat(197)}…: must have at most 1000 characters`],
  ],
  [
    'a pointer as a number',
    request({ expectedBody: { json: { pointer: 0, equals: 1 } } }),
    ['spec.executor.http.expectedBody.json.pointer = 0: must be a string; put it in quotes: "0"'],
  ],
  [
    'a pointer to nothing that is expected',
    request({ expectedBody: { json: { pointer: '/a' } } }),
    ['spec.executor.http.expectedBody.json.equals: is needed: a value'],
  ],
  [
    'asynchronous as a flag',
    request({ asynchronous: true }),
    ['spec.executor.http.asynchronous = true: must be a mapping'],
  ],
  [
    'an unknown field of asynchronous',
    request({ asynchronous: { timeout: 1 } }),
    ['spec.executor.http.asynchronous.timeout = 1: is not a known field. Allowed here: timeoutSeconds'],
  ],
  [
    'a misspelled field of asynchronous',
    request({ asynchronous: { timeoutSecond: 1 } }),
    [
      'spec.executor.http.asynchronous.timeoutSecond = 1: is not a known field; did you mean timeoutSeconds? Allowed here: timeoutSeconds',
    ],
  ],
  [
    'a callback in no time',
    request({ asynchronous: { timeoutSeconds: 0 } }),
    ['spec.executor.http.asynchronous.timeoutSeconds = 0: must be at least 0.001'],
  ],
  [
    'a callback after more than a year',
    request({ asynchronous: { timeoutSeconds: 31_536_001 } }),
    ['spec.executor.http.asynchronous.timeoutSeconds = 31536001: must be at most 31536000'],
  ],
  [
    'a callback with a unit',
    request({ asynchronous: { timeoutSeconds: '5m' } }),
    ['spec.executor.http.asynchronous.timeoutSeconds = "5m": must be a number'],
  ],
];
