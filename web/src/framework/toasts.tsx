// Short words on what was done, or could not be.
import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';

interface Toast {
  id: number;
  tone: 'success' | 'danger' | 'info' | 'warning';
  title: string;
  body?: ReactNode;
}

type Tell = (tone: Toast['tone'], title: string, body?: ReactNode) => void;
const ToastContext = createContext<Tell>(() => undefined);
export const useToast = () => useContext(ToastContext);

let count = 0;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const remove = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const tell = useMemo<Tell>(
    () => (tone, title, body) => {
      count += 1;
      const toast = { id: count, tone, title, body };
      setToasts((all) => [...all.slice(-3), toast]);
    },
    [],
  );
  return (
    <ToastContext value={tell}>
      {children}
      <AlertGroup isToast isLiveRegion>
        {toasts.map(({ id, tone, title, body }) => (
          <Alert
            key={id}
            variant={tone}
            title={title}
            timeout={tone === 'danger' ? false : 6000}
            onTimeout={() => remove(id)}
            actionClose={<AlertActionCloseButton title={title} onClose={() => remove(id)} />}
          >
            {body}
          </Alert>
        ))}
      </AlertGroup>
    </ToastContext>
  );
}
