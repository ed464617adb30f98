import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A secret as text, or where it is: a variable of the environment, or a file. Read when the program starts. */
const secret = z.union([
  z.string().min(1),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);
const url = z.union([
  z.url({ protocol: /^https?$/, message: 'must be an http or https URL' }),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);
const address = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be an e-mail address');

/** Where notifications go: exactly one kind. URLs of chat hooks are secrets themselves. */
export const channel = z
  .strictObject({
    webhook: z.strictObject({ url, secret: secret.optional() }).optional(),
    email: z
      .strictObject({
        /** `smtp://user:password@host:587`, or `smtps://…`. */
        smtp: secret,
        from: address,
        to: z.array(address).min(1).max(100),
      })
      .optional(),
    slack: z.strictObject({ url }).optional(),
    dingtalk: z.strictObject({ url, secret: secret.optional() }).optional(),
    feishu: z.strictObject({ url, secret: secret.optional() }).optional(),
    wecom: z.strictObject({ url }).optional(),
  })
  .refine(value => Object.values(value).filter(one => one !== undefined).length === 1, {
    message: 'exactly one kind is needed: webhook, email, slack, dingtalk, feishu or wecom',
  });

export type ChannelConfig = z.output<typeof channel>;
type Secret = z.output<typeof secret> | z.output<typeof url>;

/** A secret's text, without the newline that files end with. @throws Error that names where it should be */
export function readSecret(value: Secret, environment: Readonly<Record<string, string | undefined>>): string {
  if (typeof value === 'string') return value;
  if ('file' in value) {
    try {
      return readFileSync(value.file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      throw new Error(`cannot read ${value.file}: ${(error as Error).message}`);
    }
  }
  const text = environment[value.env];
  if (text === undefined || text === '') throw new Error(`the variable ${value.env} is not set`);
  return text;
}
