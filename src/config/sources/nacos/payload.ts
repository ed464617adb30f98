import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/**
 * What Nacos sends either way over gRPC: the name of a type, headers (the token of a login), and JSON. One form since
 * 2.0:
 *
 *     message Metadata { string type = 3; string clientIp = 8; map<string, string> headers = 7; }
 *     message Payload  { Metadata metadata = 2; google.protobuf.Any body = 3; }
 */
export interface Payload {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

const field = { metadata: 2, body: 3, type: 3, headers: 7, clientIp: 8, anyValue: 2, key: 1, value: 2 } as const;
/** Protobuf's wire type of strings, bytes and messages. */
const delimited = 2;
const tag = (number: number): number => (number << 3) | delimited;

export function encodePayload({ type, headers, body }: Payload): Buffer {
  const writer = new BinaryWriter();
  writer.uint32(tag(field.metadata)).fork();
  writer.uint32(tag(field.type)).string(type);
  for (const [key, value] of Object.entries(headers)) {
    writer.uint32(tag(field.headers)).fork();
    writer.uint32(tag(field.key)).string(key).uint32(tag(field.value)).string(value).join();
  }
  writer.uint32(tag(field.clientIp)).string('127.0.0.1').join();
  writer.uint32(tag(field.body)).fork();
  writer.uint32(tag(field.anyValue)).bytes(Buffer.from(JSON.stringify(body)));
  return Buffer.from(writer.join().finish());
}

/** @throws Error for what is no payload with a JSON object in it */
export function decodePayload(bytes: Buffer): Payload {
  const [metadata, body] = fieldsOf(bytes, field.metadata, field.body);
  const [type] = fieldsOf(metadata, field.type);
  const [json] = fieldsOf(body, field.anyValue);
  return { type: text(type), headers: {}, body: json === undefined ? {} : JSON.parse(text(json)) };
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

/** The last value of each of these fields. */
function fieldsOf(bytes: Uint8Array | undefined, ...numbers: readonly number[]): (Uint8Array | undefined)[] {
  const found: (Uint8Array | undefined)[] = numbers.map(() => undefined);
  const reader = new BinaryReader(bytes ?? new Uint8Array());
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const place = numbers.indexOf(number);
    if (place >= 0 && wireType === delimited) found[place] = reader.bytes();
    else reader.skip(wireType, number);
  }
  return found;
}
