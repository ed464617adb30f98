import { type ChannelConfig, readSecret } from '../config/channels.ts';
import type { Channel } from '../master/notifications/channels/channel.ts';
import { type ChannelSettings, createChannel } from '../master/notifications/channels/index.ts';
import { StartError } from './runtime.ts';

/** The channels of the configuration, with their secrets read. @throws StartError that names the setting */
export function createChannels(
  configured: Readonly<Record<string, ChannelConfig>>,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, Channel> {
  return new Map(
    Object.entries(configured).map(([name, config]) => {
      const read = (setting: string, value: Parameters<typeof readSecret>[0]): string => {
        try {
          return readSecret(value, environment);
        } catch (error) {
          throw new StartError(`notifications.channels.${name}.${setting}: ${(error as Error).message}`);
        }
      };
      return [name, createChannel(settingsOf(config, read))];
    }),
  );
}

type Read = (setting: string, value: Parameters<typeof readSecret>[0]) => string;

function settingsOf({ webhook, email, slack, dingtalk, feishu, wecom }: ChannelConfig, read: Read): ChannelSettings {
  const signed = (kind: string, { url, secret }: NonNullable<ChannelConfig['webhook']>) => ({
    url: read(`${kind}.url`, url),
    ...(secret !== undefined && { secret: read(`${kind}.secret`, secret) }),
  });
  return {
    ...(webhook && { webhook: signed('webhook', webhook) }),
    ...(email && { email: { ...email, smtp: read('email.smtp', email.smtp) } }),
    ...(slack && { slack: { url: read('slack.url', slack.url) } }),
    ...(dingtalk && { dingtalk: signed('dingtalk', dingtalk) }),
    ...(feishu && { feishu: signed('feishu', feishu) }),
    ...(wecom && { wecom: { url: read('wecom.url', wecom.url) } }),
  };
}
