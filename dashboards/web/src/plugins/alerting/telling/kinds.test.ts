import { describe, expect, it } from 'vitest';
import type { ChannelShown } from '../../../api/schema';
import { settingsOf, textsOf } from './kinds';

function channel(kind: ChannelShown['kind'], settings: Record<string, unknown>): ChannelShown {
  const written = { name: 'ops', default: false, delivery: {}, origin: 'api', receivers: [], updated_at: '', version: 1 } as const;
  return { ...written, receivers: [], kind, settings: settings as ChannelShown['settings'] };
}

describe('settings of channels', () => {
  it('are shown but for secrets', () => {
    expect(textsOf(channel('webhook', { url: 'https://hooks.example.org', secret: 'sealed' }))).toEqual({ url: 'https://hooks.example.org' });
    expect(textsOf(channel('slack', { url: 'sealed' }))).toEqual({});
    expect(textsOf(channel('email', { server: 'smtp.example.org', port: 465, from: 'a@example.org' }))).toEqual({ server: 'smtp.example.org', port: '465', from: 'a@example.org' });
  });

  it('do not say a secret that is left empty, so that it stays', () => {
    expect(settingsOf('webhook', { url: 'https://hooks.example.org', secret: '' })).toEqual({ webhook: { url: 'https://hooks.example.org' } });
  });

  it('keep what the form has no field for', () => {
    const before = channel('email', { server: 'old', tls: 'tls', ca_file: '/etc/ca.pem' });
    expect(settingsOf('email', { server: 'smtp.example.org', from: 'a@example.org', port: '465' }, before).email).toMatchObject({ server: 'smtp.example.org', port: 465, tls: 'tls', ca_file: '/etc/ca.pem' });
  });
});
