import { textAt } from '../http-answer.ts';
import type { ApiAnswer, ApiRequest, ProviderApi } from './provider-api.ts';

export interface OauthOptions {
  readonly api: ProviderApi;
  /** Where tokens come from. */
  readonly tokens: ProviderApi;
  readonly tokenPath: string;
  /** The grant, made anew for each token (RFC 6749 §4). */
  readonly grant: () => Readonly<Record<string, string>>;
  /** What to do when it is refused. */
  readonly advice: string;
}

/** A token that ends so soon is not used any more. */
const MARGIN_MS = 60_000;

/** Speaks with an API under access tokens (RFC 6749, RFC 6750). */
export class OauthApi {
  readonly #options: OauthOptions;
  #token: { readonly text: string; readonly endMs: number } | undefined;

  constructor(options: OauthOptions) {
    this.#options = options;
  }

  /** As ProviderApi's, and once more with a new token when the old one is not taken. */
  async send(request: Omit<ApiRequest, 'bearer'>, signal: AbortSignal): Promise<ApiAnswer> {
    const { api } = this.#options;
    const answer = await api.send({ ...request, bearer: await this.#bearer(signal) }, signal);
    if (answer.status !== 401) return answer;
    this.#token = undefined;
    return api.send({ ...request, bearer: await this.#bearer(signal) }, signal);
  }

  async #bearer(signal: AbortSignal): Promise<string> {
    if (this.#token === undefined || performance.now() > this.#token.endMs - MARGIN_MS) {
      this.#token = await this.#newToken(signal);
    }
    return this.#token.text;
  }

  async #newToken(signal: AbortSignal) {
    const { tokens, tokenPath: path, grant, advice } = this.#options;
    const answer = await tokens.send({ method: 'POST', path, form: grant() }, signal);
    if (answer.status !== 200) throw tokens.refusal('the sign-in', answer, advice);
    const text = textAt(answer.json, 'access_token');
    const seconds = answer.json?.['expires_in'];
    const isUsable = text !== undefined && /^[\x21-\x7e]+$/.test(text);
    if (!isUsable || typeof seconds !== 'number') throw tokens.senseless('access token');
    return { text, endMs: performance.now() + seconds * 1000 };
  }
}
