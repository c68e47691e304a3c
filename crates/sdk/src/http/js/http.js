// fetch, Request, Response and http: https://fetch.spec.whatwg.org, without streams, caches and cookies.
//
// A body is a text, bytes or nothing. All that is checked is checked in Rust.
const { apply, brand, cancel, defineProperty, freeze, parse, stringify, toStringTag } = own;
const { Promise, RangeError, TypeError } = own.global;
const { text, isObject, needs, options, tag, bytes } = own.load('common');
const Headers = own.load('headers')[0];
const { stateOf, headersOf, hasHeader, eachHeader } = own.headers;

// A body that was given, with the type that it has by itself.
const bodyOf = (value) => {
    if (value === undefined || value === null) return { __proto__: null };
    if (!isObject(value)) return { __proto__: null, data: text(value), type: 'text/plain;charset=UTF-8' };
    switch (brand(value)) {
        case 'ArrayBuffer':
        case 'TypedArray':
        case 'DataView': return { __proto__: null, data: native.octets(bytes(value)) };
    }
    const isForm = value[toStringTag] === 'URLSearchParams', data = text(value);
    return { __proto__: null, data, type: (isForm ? 'application/x-www-form-urlencoded' : 'text/plain') + ';charset=UTF-8' };
};

// Headers with the type of a body, unless they tell one.
const typed = (headers, type) => {
    const state = stateOf(headers);
    return type === undefined || hasHeader(headers, 'content-type') ? state : state + 'content-type:' + type + '\n';
};

// A body is read once.
const take = (body) => {
    if (body.used) throw new TypeError('the body has been read already');
    body.used = body.data !== undefined;
    return body.data;
};
const textOf = (data) => data === undefined ? '' : typeof data === 'string' ? data : native.decode(data);
const bytesOf = (data) => native.octets(data === undefined ? '' : data);

// Asks the host. A signal takes the call back.
const ask = (method, url, headers, data, redirect, timeout, secrets, signal) => {
    const before = cancel();
    const reply = host.$http.request(method, url, headers, data, redirect, timeout, secrets);
    const call = cancel();
    // Or `await` would look it up where scripts can patch it.
    defineProperty(reply, 'constructor', { __proto__: null, value: Promise });
    // A call that the engine refused has no number.
    if (signal === undefined || call === before) return reply;
    const promise = new Promise((resolve, reject) => {
        let isOver = false;
        own.follow(signal, (reason) => {
            if (isOver) return;
            isOver = true;
            cancel(call);
            reject(reason);
        });
        const settle = async () => {
            try { resolve(await reply); } catch (error) { reject(error); }
            isOver = true;
        };
        settle();
    });
    defineProperty(promise, 'constructor', { __proto__: null, value: Promise });
    return promise;
};

// The options that are not of the standard.
const timeoutOf = (value) => value === undefined || value === null ? undefined : +value;
const secretsOf = (value) => {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    const names = own.load('common').sequence(value);
    let all = '';
    for (let at = 0; at < names.length; at += 1) all += text(names[at]) + '\n';
    return all;
};
const signalOf = (value) => {
    if (value === undefined || value === null) return undefined;
    own.load('events');
    own.follow(value, () => {});
    return value;
};
const redirectOf = (value) => {
    if (value === undefined) return 'follow';
    const mode = text(value);
    if (mode === 'follow' || mode === 'error' || mode === 'manual') return mode;
    throw new TypeError('redirect is follow, error or manual');
};

let send, isRequest;
class Request {
    #method = 'GET'; #url; #headers; #body = bodyOf(); #redirect = 'follow'; #signal; #timeout; #secrets;

    constructor(input, init = undefined) {
        needs(arguments.length, 1, 'Request');
        const given = options(init);
        const { method, headers, body, redirect, signal, timeoutMs, secrets } = given;
        const from = isRequest(input) ? input : undefined;
        this.#url = from === undefined ? native.url(text(input)) : from.#url;
        this.#method = method !== undefined ? native.method(text(method)) : from?.#method ?? 'GET';
        const isBare = this.#method === 'GET' || this.#method === 'HEAD';
        if (isBare && body !== undefined && body !== null) throw new TypeError('a ' + this.#method + ' request has no body');
        this.#body = bodyOf(body);
        const list = headers !== undefined ? new Headers(headers) : headersOf(from === undefined ? '' : stateOf(from.#headers));
        this.#headers = headersOf(typed(list, this.#body.type));
        if (from !== undefined && this.#body.data === undefined && !isBare) this.#body.data = take(from.#body);
        this.#redirect = redirect !== undefined ? redirectOf(redirect) : from?.#redirect ?? 'follow';
        this.#signal = signal !== undefined ? signalOf(signal) : from?.#signal;
        this.#timeout = timeoutMs !== undefined ? timeoutOf(timeoutMs) : from?.#timeout;
        this.#secrets = secrets !== undefined ? secretsOf(secrets) : from?.#secrets;
    }
    get method() { return this.#method; }
    get url() { return this.#url; }
    get headers() { return this.#headers; }
    get redirect() { return this.#redirect; }
    get signal() { return this.#signal ?? null; }
    get bodyUsed() { return !!this.#body.used; }
    async text() { return textOf(take(this.#body)); }
    async json() { return parse(textOf(take(this.#body))); }
    async bytes() { return bytesOf(take(this.#body)); }
    async arrayBuffer() { return apply(own.buffer, bytesOf(take(this.#body)), []); }
    clone() {
        if (this.#body.used) throw new TypeError('the body has been read already');
        const clone = new Request(this.#url, { __proto__: null, method: this.#method });
        clone.#headers = headersOf(stateOf(this.#headers));
        clone.#body.data = this.#body.data;
        clone.#redirect = this.#redirect;
        clone.#signal = this.#signal;
        clone.#timeout = this.#timeout;
        clone.#secrets = this.#secrets;
        return clone;
    }

    static {
        isRequest = (value) => isObject(value) && #body in value;
        send = (request) => ask(
            request.#method, request.#url, stateOf(request.#headers), take(request.#body), request.#redirect,
            request.#timeout, request.#secrets, request.#signal,
        );
    }
}
tag(Request, 'Request');

let responseOf;
class Response {
    #status = 200; #statusText = ''; #headers; #body; #url = ''; #redirected = false;

    constructor(body = undefined, init = undefined) {
        const { status, statusText, headers } = options(init);
        if (status !== undefined) {
            this.#status = +status;
            if (!(this.#status >= 200 && this.#status <= 599) || this.#status % 1 !== 0) {
                throw new RangeError('the status is none from 200 to 599');
            }
        }
        if (statusText !== undefined) this.#statusText = text(statusText);
        this.#body = bodyOf(body);
        this.#headers = headersOf(typed(new Headers(headers), this.#body.type));
    }
    static json(data, init = undefined) {
        needs(arguments.length, 1, 'Response.json');
        const json = stringify(data);
        if (json === undefined) throw new TypeError('the value has no JSON');
        const response = new Response(undefined, init);
        response.#body.data = json;
        response.#headers = headersOf(typed(response.#headers, 'application/json'));
        return response;
    }
    get status() { return this.#status; }
    get ok() { return this.#status >= 200 && this.#status <= 299; }
    get statusText() { return this.#statusText; }
    get headers() { return this.#headers; }
    get url() { return this.#url; }
    get redirected() { return this.#redirected; }
    get bodyUsed() { return !!this.#body.used; }
    async text() { return textOf(take(this.#body)); }
    async json() { return parse(textOf(take(this.#body))); }
    async bytes() { return bytesOf(take(this.#body)); }
    async arrayBuffer() { return apply(own.buffer, bytesOf(take(this.#body)), []); }
    clone() {
        if (this.#body.used) throw new TypeError('the body has been read already');
        const { data } = this.#body;
        return responseOf({
            __proto__: null, status: this.#status, statusText: this.#statusText, url: this.#url,
            redirected: this.#redirected, headers: stateOf(this.#headers), body: data,
        });
    }

    static {
        responseOf = (reply) => {
            const response = new Response();
            response.#status = reply.status;
            response.#statusText = reply.statusText;
            response.#url = reply.url;
            response.#redirected = reply.redirected;
            response.#headers = headersOf(reply.headers);
            response.#body.data = reply.body;
            return response;
        };
    }
}
tag(Response, 'Response');

// What `http` sends is told by its type: objects as JSON.
const payloadOf = (value) => {
    const isPlain = value !== undefined && value !== null && typeof value !== 'string';
    switch (isObject(value) ? brand(value) : '') {
        case 'ArrayBuffer':
        case 'TypedArray':
        case 'DataView': return bodyOf(value);
    }
    if (!isPlain || (isObject(value) && value[toStringTag] === 'URLSearchParams')) return bodyOf(value);
    const data = stringify(value);
    if (data === undefined) throw new TypeError('the body has no JSON');
    return { __proto__: null, data, type: 'application/json' };
};

// What it gives is parsed by its type.
const parsed = ({ kind, body }) => {
    if (kind === 'bytes') return body;
    const read = native.decode(body);
    if (kind === 'text') return read;
    if (read === '') return null;
    try { return parse(read); } catch { return read; }
};

const request = async (method, url, body, given) => {
    const { headers, redirect, signal, timeoutMs, secrets } = given;
    const href = native.url(text(url)), payload = payloadOf(body), list = typed(new Headers(headers), payload.type);
    const reply = await ask(
        native.method(text(method)), href, list, payload.data, redirectOf(redirect), timeoutOf(timeoutMs),
        secretsOf(secrets), signalOf(signal),
    );
    const { status, url: last } = reply, all = {};
    eachHeader(headersOf(reply.headers), (name, value) => {
        defineProperty(all, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    });
    return { status, ok: status >= 200 && status <= 299, headers: all, url: last, body: parsed(reply) };
};

const http = {
    __proto__: null,
    get(url, init = undefined) { return request('GET', url, undefined, options(init)); },
    post(url, body = undefined, init = undefined) { return request('POST', url, body, options(init)); },
    put(url, body = undefined, init = undefined) { return request('PUT', url, body, options(init)); },
    patch(url, body = undefined, init = undefined) { return request('PATCH', url, body, options(init)); },
    delete(url, init = undefined) { const given = options(init); return request('DELETE', url, given.body, given); },
    request(url, init = undefined) {
        const given = options(init), { method, body } = given;
        return request(method === undefined ? 'GET' : method, url, body, given);
    },
};
const names = own.ownKeys(http);
for (let at = 0; at < names.length; at += 1) freeze(http[names[at]]);
freeze(http);

return [
    {
        async fetch(input, init = undefined) {
            needs(arguments.length, 1, 'fetch');
            return responseOf(await send(new Request(input, init)));
        },
    }.fetch,
    Request,
    Response,
    http,
];
