// Server-sent events by fetch: the browser's own EventSource can't send a token.

/** How long a stream that was cut waits before it comes back, in milliseconds. */
const comeBackAfter = 3_000;

/**
 * As EventSource, as far as the page needs it: `open`, `error` and the server's events; it comes back by itself when it
 * was cut, with the id of the last event, and not when it was refused.
 */
export class Stream extends EventTarget {
  static CLOSED = 2;
  readyState = 0;
  #end = new AbortController();
  #lastId = '';

  /** @param {string} path @param {() => Record<string, string>} headers */
  constructor(path, headers) {
    super();
    void this.#keep(path, headers);
  }

  /** @param {string} event @param {(data: string) => void} listener */
  onData(event, listener) {
    this.addEventListener(event, told => listener(/** @type {MessageEvent<string>} */ (told).data));
  }

  close() {
    this.readyState = Stream.CLOSED;
    this.#end.abort();
  }

  /** @param {string} path @param {() => Record<string, string>} headers */
  async #keep(path, headers) {
    while (this.readyState !== Stream.CLOSED) {
      try {
        const all = headers();
        if (this.#lastId !== '') all['Last-Event-ID'] = this.#lastId;
        const response = await fetch(path, { headers: all, signal: this.#end.signal });
        if (!response.ok || response.body === null) this.readyState = Stream.CLOSED;
        else {
          this.readyState = 1;
          this.dispatchEvent(new Event('open'));
          await this.#read(response.body);
        }
      } catch {
        // Cut off, or closed: the state says which.
      }
      if (this.#end.signal.aborted) return;
      if (this.readyState !== Stream.CLOSED) this.readyState = 0;
      this.dispatchEvent(new Event('error'));
      await new Promise(resolve => setTimeout(resolve, comeBackAfter));
    }
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async #read(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.#tell(block);
    }
  }

  /** @param {string} block */
  #tell(block) {
    let type = 'message';
    const data = [];
    for (const line of block.split('\n')) {
      const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === 'event') type = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') this.#lastId = value;
    }
    if (data.length > 0) this.dispatchEvent(new MessageEvent(type, { data: data.join('\n') }));
  }
}
