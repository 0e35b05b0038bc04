import { useQueryClient } from '@tanstack/react-query';
import { answerOf, client } from '@/api/client';
import { isStatus } from '@/api/problem';
import { type Job, queries } from '@/api/queries';
import { countOf } from '@/core/format';
import { Confirm } from '@/framework/confirm';

/** A job that ended meanwhile needs no cancel: that is no failure. */
async function cancelJob(id: string): Promise<Job | null> {
  try {
    return await answerOf(client.POST('/api/jobs/{id}/cancel', { params: { path: { id } } }));
  } catch (error) {
    if (isStatus(error, 409)) return null;
    throw error;
  }
}

export function CancelJobs({ jobs, close, done }: { jobs: Job[]; close: () => void; done?: () => void }) {
  const cache = useQueryClient();
  const [only] = jobs;
  const what =
    jobs.length === 1 && only ? `${only.app_id} on ${only.server_id}` : countOf(jobs.length, 'job');
  const confirm = async () => {
    for (const { id } of jobs) {
      const job = await cancelJob(id);
      if (job) cache.setQueryData(queries.job(id).queryKey, job);
    }
    await cache.invalidateQueries({ queryKey: ['jobs'] });
    if (only) await cache.invalidateQueries({ queryKey: ['job', only.id] });
    done?.();
  };
  return (
    <Confirm
      title={`Cancel ${what}?`}
      action={jobs.length === 1 ? 'Cancel the job' : 'Cancel them'}
      danger
      close={close}
      confirm={confirm}
    >
      What runs is asked to end, and after ten seconds made to. What was installed until then stays on the
      server.
    </Confirm>
  );
}
