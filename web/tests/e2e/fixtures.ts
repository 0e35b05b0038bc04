// Pages over the mock panel, which makes bad luck on demand.
import type { APIRequestContext } from '@playwright/test';
import { test as base } from '../watched';

export { expect, navigate, readLog, shownLines } from '../watched';

class Panel {
  constructor(
    private readonly request: APIRequestContext,
    private readonly url: string,
  ) {}

  async tell(what: string, data: object = {}) {
    await this.request.post(`${this.url}/__mock/${what}`, { data });
  }

  async ask(what: string) {
    return (await this.request.get(`${this.url}/__mock/${what}`)).json();
  }

  async signIn(name = 'ann') {
    await this.request.post(`${this.url}/api/session`, { data: { name, password: 'correct horse' } });
  }
}

export const test = base.extend<{ panel: Panel }>({
  panel: [
    async ({ context, baseURL }, use) => {
      const panel = new Panel(context.request, baseURL!);
      await panel.tell('reset');
      await panel.signIn();
      await use(panel);
    },
    { auto: true },
  ],
});
