import { useQueryClient } from '@tanstack/react-query';
import { answerOf, client } from '@/api/client';
import type { Server } from '@/api/queries';
import { Confirm } from '@/framework/confirm';
import { useToast } from '@/framework/toasts';

export function Drain({ server: { id, status }, close }: { server: Server; close: () => void }) {
  const cache = useQueryClient();
  const tell = useToast();
  const drained = status === 'drained';
  const params = { path: { id } };
  const confirm = async () => {
    await answerOf(
      drained
        ? client.POST('/api/servers/{id}/resume', { params })
        : client.POST('/api/servers/{id}/drain', { params }),
    );
    tell(
      'info',
      `${id} was told to ${drained ? 'take up jobs again' : 'take up no new job'}`,
      'Its state changes once it has answered.',
    );
    setTimeout(() => void cache.invalidateQueries({ queryKey: ['server', id] }), 1000);
  };
  return (
    <Confirm
      title={drained ? `Let ${id} take up jobs again?` : `Drain ${id}?`}
      action={drained ? 'Resume' : 'Drain'}
      close={close}
      confirm={confirm}
    >
      {drained
        ? 'Jobs that wait for it start at once.'
        : 'It takes up no new job. Those under way, with their retries, go on to their end; new ones wait.'}
    </Confirm>
  );
}
