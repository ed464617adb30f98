import type { Channel } from './channel.ts';
import { dingtalk, feishu, slack, wecom } from './chat.ts';
import { email } from './email.ts';
import { webhook } from './webhook.ts';

/** A channel's settings, with the secrets read. Exactly one kind. */
export interface ChannelSettings {
  readonly webhook?: { readonly url: string; readonly secret?: string };
  readonly email?: { readonly smtp: string; readonly from: string; readonly to: readonly string[] };
  readonly slack?: { readonly url: string };
  readonly dingtalk?: { readonly url: string; readonly secret?: string };
  readonly feishu?: { readonly url: string; readonly secret?: string };
  readonly wecom?: { readonly url: string };
}

export function createChannel(settings: ChannelSettings): Channel {
  if (settings.webhook) return webhook(settings.webhook.url, settings.webhook.secret);
  if (settings.email) return email(settings.email);
  if (settings.slack) return slack(settings.slack.url);
  if (settings.dingtalk) return dingtalk(settings.dingtalk.url, settings.dingtalk.secret);
  if (settings.feishu) return feishu(settings.feishu.url, settings.feishu.secret);
  if (settings.wecom) return wecom(settings.wecom.url);
  throw new Error('a channel has no kind');
}
