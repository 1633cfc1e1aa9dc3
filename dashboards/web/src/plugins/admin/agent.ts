// What somebody came with, in a few words, from what it says of itself.

const PROGRAMS: [RegExp, string][] = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/\b(Headless)?Chrome\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** `Firefox on Linux` for browsers, the first word for other programs. */
export function agentName(agent: string | null | undefined): string {
  if (agent == null || agent === '') return 'unknown';
  const found = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(agent))?.[1];
  const [program, system] = [found(PROGRAMS), found(SYSTEMS)];
  if (program === undefined) return agent.split(' ')[0] ?? agent;
  return system === undefined ? program : `${program} on ${system}`;
}
