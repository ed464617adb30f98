/** The lines of a byte stream that are not empty, however they were cut into pieces. */
export async function* lines(stream: AsyncIterable<Uint8Array> | null): AsyncGenerator<string> {
  if (stream === null) return;
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for await (const bytes of stream) {
    const parts = decoder.decode(bytes, { stream: true }).split('\n');
    const [first = '', ...rest] = parts;
    pieces.push(first);
    for (const next of rest) {
      const line = pieces.join('');
      if (line !== '') yield line;
      pieces = [next];
    }
  }
  const last = pieces.join('') + decoder.decode();
  if (last !== '') yield last;
}
