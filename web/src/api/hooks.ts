// What the pages share about whoever is signed in, and about the stream.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { answerOf, client } from './client';
import { type Preferences, queries } from './queries';
import { sharedStream, type TopicFrame } from './stream';

export const defaultPreferences: Preferences = {
  favourites: [],
  views: [],
  time_zone: 'local',
  theme: 'system',
  notify: false,
};

/** The preferences, and a function that changes some of them at once and keeps them on the panel. */
export function usePreferences(): [Preferences, (change: Partial<Preferences>) => void] {
  const cache = useQueryClient();
  const { queryKey } = queries.preferences();
  const { data = defaultPreferences } = useQuery({
    ...queries.preferences(),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { mutate } = useMutation({
    mutationFn: (body: Preferences) => answerOf(client.PUT('/api/session/preferences', { body })),
    onMutate: (body) => {
      const before = cache.getQueryData<Preferences>(queryKey);
      cache.setQueryData(queryKey, body);
      return { before };
    },
    onError: (_error, _body, context) => cache.setQueryData(queryKey, context?.before),
  });
  const change = (part: Partial<Preferences>) =>
    mutate({ ...(cache.getQueryData<Preferences>(queryKey) ?? data), ...part });
  return [data, change];
}

export function useIsAdministrator(): boolean {
  const { data } = useQuery(queries.session());
  return data?.user.role === 'administrator';
}

export function useTopic(topic: 'jobs' | 'servers', listener: (frame: TopicFrame) => void) {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => sharedStream().followTopic(topic, (frame) => latest.current(frame)), [topic]);
}

/** Reads those lists again when the topic changes, twice a second at most. */
export function useRefreshOn(topic: 'jobs' | 'servers', keys: string[]) {
  const cache = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useTopic(topic, () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      for (const key of keys) void cache.invalidateQueries({ queryKey: [key] });
    }, 500);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

export function useStreamState() {
  return useSyncExternalStore(sharedStream().onState, sharedStream().currentState);
}
