import type { Server } from '@/api/queries';
import type { StatusLabelProps } from '@/framework/status-label';

export const serverLooks: Record<Server['status'], StatusLabelProps> = {
  online: { label: 'Online', tone: 'success', meaning: 'It takes up jobs.' },
  unreachable: {
    label: 'Unreachable',
    tone: 'danger',
    meaning: 'Its agent has not been heard of lately. Jobs for it wait.',
  },
  drained: { label: 'Drained', tone: 'warning', meaning: 'It takes up no new job until it is told to.' },
  never_seen: {
    label: 'Never seen',
    tone: 'neutral',
    meaning: 'It is registered, but its agent never came.',
  },
};
