import { Label } from '@patternfly/react-core';

export type Tone = 'success' | 'danger' | 'warning' | 'info' | 'neutral';

export interface StatusLabelProps {
  label: string;
  tone: Tone;
  meaning?: string;
  large?: boolean;
}

/** A state as a coloured word; what it means on hover. */
export function StatusLabel({ label, tone, meaning, large = false }: StatusLabelProps) {
  return (
    <span title={meaning} className="status-label">
      {tone === 'neutral' ? (
        <Label isCompact={!large} variant="outline">
          {label}
        </Label>
      ) : (
        <Label isCompact={!large} status={tone}>
          {label}
        </Label>
      )}
    </span>
  );
}
