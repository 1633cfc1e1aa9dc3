// Which settings each kind of channel has, and how a form of texts becomes what the API takes.

import type { ChannelShown, ChannelWritten, Kind } from '../../../api/schema';

export interface Setting {
  key: string;
  name: string;
  description?: string;
  isRequired?: boolean;
  /** Sealed by the server and never shown again: left empty, it stays what it is. */
  isSecret?: boolean;
}

export const KIND_NAMES: Record<Kind, string> = { email: 'E-mail', slack: 'Slack', teams: 'Teams', pagerduty: 'PagerDuty', sms: 'SMS', webhook: 'Webhook' };

export const SETTINGS: Record<Kind, Setting[]> = {
  email: [
    { key: 'server', name: 'Server', isRequired: true },
    { key: 'port', name: 'Port', description: '587 where it is not said.' },
    { key: 'from', name: 'From', isRequired: true },
    { key: 'user', name: 'User' },
    { key: 'password', name: 'Password', isSecret: true },
  ],
  slack: [{ key: 'url', name: 'Address of the incoming webhook', isRequired: true, isSecret: true }],
  teams: [{ key: 'url', name: 'Address of the webhook of Workflows', isRequired: true, isSecret: true }],
  pagerduty: [
    { key: 'routing_key', name: 'Routing key', description: 'Of Events API v2.', isRequired: true, isSecret: true },
    { key: 'url', name: 'Address', description: 'https://events.pagerduty.com where it is not said.' },
  ],
  sms: [
    { key: 'account', name: 'Account', isRequired: true },
    { key: 'token', name: 'Token', isRequired: true, isSecret: true },
    { key: 'from', name: 'From', description: 'As +15550199.', isRequired: true },
    { key: 'url', name: 'Address', description: 'https://api.twilio.com where it is not said.' },
  ],
  webhook: [
    { key: 'url', name: 'Address', description: 'It is no secret: anybody who may see channels sees it.', isRequired: true },
    { key: 'secret', name: 'Secret for the signature', isSecret: true },
  ],
};

export type Texts = Readonly<Record<string, string>>;

/** What the form begins with: all that is known of a channel. Secrets are not. */
export function textsOf(channel: ChannelShown): Texts {
  const known: Readonly<Record<string, unknown>> = channel.settings;
  const shown = SETTINGS[channel.kind].filter((setting) => setting.isSecret !== true);
  return Object.fromEntries(
    shown.flatMap(({ key }) => {
      const value = known[key];
      return typeof value === 'string' || typeof value === 'number' ? [[key, String(value)]] : [];
    }),
  );
}

/** The member of a channel that has the settings of its kind; what is empty is not said. */
export function settingsOf(kind: Kind, texts: Texts, before?: ChannelShown): Partial<ChannelWritten> {
  const said = (key: string) => {
    const text = texts[key]?.trim() ?? '';
    return text === '' ? undefined : text;
  };
  const must = (key: string) => said(key) ?? '';
  switch (kind) {
    case 'email':
      return { email: { ...keptOf(before), server: must('server'), from: must('from'), port: said('port') === undefined ? null : Number(said('port')), user: said('user'), password: said('password') } };
    case 'slack':
      return { slack: { url: said('url') } };
    case 'teams':
      return { teams: { url: said('url') } };
    case 'pagerduty':
      return { pagerduty: { routing_key: said('routing_key'), url: said('url') } };
    case 'sms':
      return { sms: { account: must('account'), from: must('from'), token: said('token'), url: said('url') } };
    case 'webhook':
      return { webhook: { url: must('url'), secret: said('secret') } };
  }
}

/** Settings of a mail server that the form does not have, as they are. */
function keptOf(before: ChannelShown | undefined): Pick<NonNullable<ChannelWritten['email']>, 'tls' | 'ca_file' | 'allow_clear_text'> {
  const known: Readonly<Record<string, unknown>> = before?.kind === 'email' ? before.settings : {};
  const tls = (['starttls', 'tls', 'none'] as const).find((each) => each === known.tls);
  return {
    ...(tls === undefined ? {} : { tls }),
    ...(typeof known.ca_file === 'string' ? { ca_file: known.ca_file } : {}),
    ...(known.allow_clear_text === true ? { allow_clear_text: true } : {}),
  };
}
