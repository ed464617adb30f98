/** Reads prisma/schema.prisma as far as this project uses the language: what a migrated database should look like. */

export interface ColumnShape {
  readonly type: string;
  readonly nullable: boolean;
  /** Whether the database fills it in. */
  readonly filled: boolean;
}

export interface TableShape {
  readonly columns: Readonly<Record<string, ColumnShape>>;
  /** `<name> <columns>` of each index, the primary key's too, sorted. Partial ones are beyond the language. */
  readonly indexes: readonly string[];
}

const types: Readonly<Record<string, string>> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Boolean: 'boolean',
  Json: 'jsonb',
};

export function readPrismaSchema(text: string): Readonly<Record<string, TableShape>> {
  const models = [...text.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)].map(([, body = '']) => body);
  return Object.fromEntries(models.map(readModel));
}

function readModel(body: string): [string, TableShape] {
  const lines = body.split('\n').map(line => line.trim());
  const table = /@@map\("(\w+)"\)/.exec(body)?.[1];
  if (table === undefined) throw new Error(`a model without @@map:\n${body}`);
  const fields = lines.flatMap(line => readField(line) ?? []);
  const columnOf = new Map(fields.map(field => [field.name, field.column]));
  const index = (names: readonly string[], suffix: string) => {
    const columns = names.map(name => columnOf.get(name) ?? `${name}?`);
    const name = suffix === 'pkey' ? `${table}_pkey` : `${table}_${columns.join('_')}_${suffix}`;
    return `${name} ${columns.join(',')}`;
  };
  const ofField = fields.flatMap(({ name, attributes }) => [
    ...(attributes.includes('@id') ? [index([name], 'pkey')] : []),
    ...(attributes.includes('@unique') ? [index([name], 'key')] : []),
  ]);
  const suffixes: Readonly<Record<string, string>> = { id: 'pkey', unique: 'key', index: 'idx' };
  const ofModel = lines.flatMap(line => {
    const [, kind = '', list = ''] = /^@@(id|unique|index)\(\[(.*?)\]/.exec(line) ?? [];
    const names = list.split(',').map(name => name.trim().replace(/\(.*/, ''));
    return kind === '' ? [] : [index(names, suffixes[kind] ?? kind)];
  });
  const columns = Object.fromEntries(
    fields.map(({ column, type, nullable, filled }) => [column, { type, nullable, filled }]),
  );
  return [table, { columns, indexes: [...ofField, ...ofModel].sort() }];
}

function readField(line: string) {
  const [, name, prismaType = '', many, attributes = ''] = /^(\w+)\s+(\w+)(\[\]|\?)?(.*)$/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const one = attributes.includes('@db.Json') ? 'json' : (types[prismaType] ?? `unknown ${prismaType}`);
  // As the information schema calls any list; Prisma makes it without NOT NULL.
  const type = many === '[]' ? 'ARRAY' : one;
  const column = /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? name;
  return {
    name,
    column,
    type,
    nullable: many !== undefined,
    filled: attributes.includes('@default'),
    attributes: attributes.split(/\s+/),
  };
}
