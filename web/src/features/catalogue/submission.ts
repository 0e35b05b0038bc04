// Sends a form to each of its servers, once each, whatever breaks in between.
import { answerOf, client } from '@/api/client';
import { ApiError, nameOf } from '@/api/problem';
import type { Job } from '@/api/queries';
import type { Action } from '@/core/form/validate';

export interface Order {
  app: string;
  action: Action;
  inputs: Record<string, unknown>;
  servers: string[];
}

export interface Refused {
  server: string;
  error: Error;
}

export interface Sent {
  jobs: Job[];
  refused: Refused[];
}

const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

/** The same order to the same server keeps its key: sent again after a broken connection it makes no second job. */
export class IdempotencyKeys {
  private readonly keys = new Map<string, string>();

  of(order: Order, server: string): string {
    const what = JSON.stringify([order.app, order.action, order.inputs, server]);
    const key = this.keys.get(what) ?? randomKey();
    this.keys.set(what, key);
    return key;
  }

  clear() {
    this.keys.clear();
  }
}

export async function send(order: Order, keys: IdempotencyKeys): Promise<Sent> {
  const sent: Sent = { jobs: [], refused: [] };
  for (const server of order.servers) {
    const asked = client.POST('/api/jobs', {
      params: { header: { 'Idempotency-Key': keys.of(order, server) } },
      body: { app_id: order.app, server_id: server, action: order.action, inputs: order.inputs },
    });
    try {
      sent.jobs.push(await answerOf(asked));
    } catch (error) {
      sent.refused.push({ server, error: error as Error });
    }
  }
  return sent;
}

/** The server's words on single inputs; those of another kind (an unsuitable server) are not of the form's fields. */
export function fieldErrorsOf(refused: Refused[], names: string[]): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const { error } of refused) {
    if (!(error instanceof ApiError)) continue;
    for (const fault of error.problem.errors ?? []) {
      const name = nameOf(fault);
      if (names.includes(name)) errors[name] ??= fault.message;
    }
  }
  return errors;
}
