// What can be chosen of incidents, in words.

import type { Level, Priority, Stage } from '../../../api/schema';
import type { Choice } from '../../../components/fields';

export const PRIORITY_CHOICES: Choice<Priority>[] = [
  { value: 'P1', name: 'P1: outage, data loss, breach' },
  { value: 'P2', name: 'P2: a major feature is broken' },
  { value: 'P3', name: 'P3: a minor feature, or slow' },
  { value: 'P4', name: 'P4: cosmetic, a request' },
];

export const LEVEL_CHOICES: Choice<Level>[] = [
  { value: '1', name: 'Level 1' },
  { value: '2', name: 'Level 2' },
  { value: '3', name: 'Level 3' },
  { value: 'management', name: 'Management' },
];

export const STAGE_NAMES: Record<Stage, string> = {
  assessment: 'assessment',
  response: 'response',
  escalation_decision: 'decision to escalate',
  escalation: 'escalation',
  resolution: 'resolution',
};

export const SATISFACTION_CHOICES: Choice<string>[] = [
  { value: '', name: 'Nobody was asked' },
  { value: '5', name: '5: very satisfied' },
  { value: '4', name: '4' },
  { value: '3', name: '3' },
  { value: '2', name: '2' },
  { value: '1', name: '1: not at all' },
];
