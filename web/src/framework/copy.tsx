import { Button, Tooltip } from '@patternfly/react-core';
import CheckIcon from '@patternfly/react-icons/dist/esm/icons/check-icon';
import CopyIcon from '@patternfly/react-icons/dist/esm/icons/copy-icon';
import { type ComponentProps, useEffect, useState } from 'react';

/** Also where the page is not in a secure context, and there is no clipboard to write to. */
async function copyText(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

interface CopyButtonProps {
  text: () => string;
  label: string;
  onCopied?: () => void;
  variant?: ComponentProps<typeof Button>['variant'];
  iconOnly?: boolean;
}

export function CopyButton({ text, label, onCopied, variant = 'link', iconOnly = false }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await copyText(text());
    setCopied(true);
    onCopied?.();
  };
  const icon = copied ? <CheckIcon /> : <CopyIcon />;
  if (!iconOnly) {
    return (
      <Button variant={variant} icon={icon} onClick={copy} size="sm">
        {copied ? 'Copied' : label}
      </Button>
    );
  }
  return (
    <Tooltip content={copied ? 'Copied' : label}>
      <Button variant="plain" icon={icon} aria-label={label} onClick={copy} size="sm" />
    </Tooltip>
  );
}

/** A command to paste, whole, with a button that copies it. */
export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className="command">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <CopyButton text={() => text} label={`Copy ${label}`} iconOnly />
    </div>
  );
}
