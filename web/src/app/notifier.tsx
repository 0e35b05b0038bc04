// Tells when a job is over that was started here: in the page, and by the browser where that is wanted. A hidden tab
// has no stream, so it asks now and then.
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { usePreferences, useTopic } from '@/api/hooks';
import { type Job, queries } from '@/api/queries';
import { unwatchJob, watchedJobs, watchedName } from '@/api/watched';
import { isOver, type JobStatus, jobStatuses } from '@/core/job-status';
import { useToast } from '@/framework/toasts';

const askEvery = 10_000;

export function Notifier() {
  const cache = useQueryClient();
  const tell = useToast();
  const [{ notify }] = usePreferences();
  const over = (id: string, status: JobStatus) => {
    if (!isOver(status) || !watchedJobs().includes(id)) return;
    const title = `${watchedName(id)}: ${jobStatuses[status].label.toLowerCase()}`;
    unwatchJob(id);
    const isHere = location.pathname === `/jobs/${id}`;
    if (!isHere) {
      const tone = jobStatuses[status].tone === 'neutral' ? 'info' : jobStatuses[status].tone;
      tell(
        tone as 'success',
        title,
        <Link to="/jobs/$id" params={{ id }}>
          Show the job
        </Link>,
      );
    }
    if (notify && !document.hasFocus() && Notification.permission === 'granted') {
      const notification = new Notification(title, { tag: id });
      notification.onclick = () => focus();
    }
  };
  useTopic('jobs', (frame) => {
    if (frame.job && frame.status) over(frame.job, frame.status);
  });
  useEffect(() => {
    const timer = setInterval(async () => {
      if (!document.hidden) return;
      for (const id of watchedJobs()) {
        const job: Job | null = await cache
          .fetchQuery({ ...queries.job(id), staleTime: 0 })
          .catch(() => null);
        if (job) over(id, job.status);
      }
    }, askEvery);
    return () => clearInterval(timer);
  });
  return null;
}
