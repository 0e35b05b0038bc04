// A job and its log, followed while it is not over.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { JobLogReader, type LogProgress, nothingYet } from '@/api/job-log';
import { type Job, queries } from '@/api/queries';
import { type StreamFrame, sharedStream } from '@/api/stream';
import { isOver } from '@/core/job-status';
import { LogStore } from '@/core/log/log-store';

const refreshAfter = 150;

/** Takes over what a frame says of the same attempt and state; anything more is read from the panel. */
function patched(job: Job, frame: StreamFrame): Job | null {
  if (frame.attempt !== job.attempt || frame.status !== job.status) return null;
  if ((frame.cancel_requested_at ?? null) !== job.cancel_requested_at) return null;
  if (frame.progress === job.progress && frame.message === job.message) return job;
  return { ...job, progress: frame.progress, message: frame.message };
}

export function useJob(id: string) {
  const cache = useQueryClient();
  const query = useQuery({ ...queries.job(id), staleTime: 2000 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const followed = query.data !== undefined && !isOver(query.data.status);
  useEffect(() => {
    if (!followed) return;
    const key = queries.job(id).queryKey;
    const refresh = () => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        void cache.invalidateQueries({ queryKey: key });
      }, refreshAfter);
    };
    const frame = (each: StreamFrame) => {
      const job = cache.getQueryData<Job>(key);
      const next = job && patched(job, each);
      // Frames of the past come first where the stream begins anew: the panel's word counts.
      if (!next || each.output.includes('::group') || each.output.includes('::endgroup')) refresh();
      else if (next !== job) cache.setQueryData(key, next);
    };
    const stop = sharedStream().followJob(id, { frame, resync: refresh });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [id, followed, cache]);
  return query;
}

export interface JobLog {
  store: LogStore;
  progress: LogProgress;
  reload: () => void;
}

/** The log of one attempt. */
export function useJobLog(job: Job, attempt: number): JobLog {
  const { id } = job;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt has a log of its own
  const store = useMemo(() => new LogStore(), [id, attempt]);
  const [progress, setProgress] = useState<LogProgress>(nothingYet);
  const reader = useRef<JobLogReader>(null);
  const over = isOver(job.status);
  const removed = job.log.removed_at !== null;
  const live = !over && attempt === Math.max(1, job.attempt);
  useEffect(() => {
    setProgress(removed ? { ...nothingYet, loading: false, removed } : nothingYet);
    if (removed) return;
    const made = new JobLogReader(id, attempt, store, setProgress);
    reader.current = made;
    void made.read();
    return () => made.stop();
  }, [id, attempt, store, removed]);
  useEffect(() => {
    if (!live) return;
    return sharedStream().followJob(id, {
      frame: (frame) => reader.current?.frame(frame),
      resync: () => void reader.current?.read(),
    });
  }, [id, live]);
  useEffect(() => {
    if (over) void reader.current?.read();
  }, [over]);
  return { store, progress, reload: () => void reader.current?.read() };
}
