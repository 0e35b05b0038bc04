// Server-sent events over fetch: unlike EventSource it tells the status, and takes an abort.

export interface ServerEvent {
  id: string;
  data: string;
}

/** Takes text in any pieces and gives the events that are whole. */
export class EventParser {
  private rest = '';
  private id = '';
  private data: string[] = [];

  feed(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.take(line.endsWith('\r') ? line.slice(0, -1) : line, events);
    return events;
  }

  private take(line: string, events: ServerEvent[]) {
    if (line === '') {
      if (this.data.length > 0) events.push({ id: this.id, data: this.data.join('\n') });
      this.data = [];
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === 'id') this.id = value;
    else if (field === 'data') this.data.push(value);
  }
}

export type StreamEnd = 'over' | 'refused' | 'broken';

/** Reads until the stream ends: `over` where nothing will follow, `refused` where asking again is of no use. */
export async function readEvents(
  url: string,
  signal: AbortSignal,
  on: { open(): void; event(event: ServerEvent): void },
): Promise<StreamEnd> {
  try {
    const response = await fetch(url, {
      headers: { Accept: 'text/event-stream' },
      cache: 'no-store',
      signal,
    });
    if (response.status === 204) return 'over';
    if (!response.ok || response.body === null) return isFinal(response.status) ? 'refused' : 'broken';
    on.open();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'broken';
      for (const event of parser.feed(value)) on.event(event);
    }
  } catch {
    return 'broken';
  }
}

/** A stream that ended is asked for again with its position; these answers would be the same again. */
const isFinal = (status: number) => status >= 400 && status < 500 && status !== 429 && status !== 408;
