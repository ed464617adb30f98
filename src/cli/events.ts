/** One server-sent event. */
export interface ServerEvent {
  /** `message` where none is named. */
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/** Reads server-sent events (WHATWG) off a body; comments are left out. */
export async function* serverEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    for (;;) {
      const end = /\r?\n\r?\n/.exec(rest);
      if (!end) break;
      const event = parseEvent(rest.slice(0, end.index));
      rest = rest.slice(end.index + end[0].length);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): ServerEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data.push(value);
  }
  if (data.length === 0) return undefined;
  return { event, data: data.join('\n'), ...(id !== undefined && { id }) };
}
