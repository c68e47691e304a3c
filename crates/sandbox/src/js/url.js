// URL and URLSearchParams: https://url.spec.whatwg.org
//
// A URL is its text, and a list of parameters is the text that it is serialized as; all that is done with them is done
// in Rust. The numbers are those of `Part` in url.rs and of `Change` in query.rs.
const { apply, slice, indexOf, mapSet, mapEach, iterator, defineProperty, ownKeys, getOwnPropertyDescriptor } = own;
const { Map, TypeError } = own.global;
const { text, isObject, needs, tag, append, each, sequence } = own.load('common');
const parse = (url, base) => native.url(0, text(url), base === undefined ? undefined : text(base));
// A list of one parameter.
const pair = (name, value) => native.query(1, '', name, value);

// The strings of a list from Rust: their lengths, each with a comma, then a semicolon and all of them.
const strings = (packed) => {
    const items = { __proto__: null, count: 0 };
    let from = apply(indexOf, packed, [';']) + 1;
    for (let at = 0; packed[at] !== ';';) {
        const end = apply(indexOf, packed, [',', at]), to = from + +apply(slice, packed, [at, end]);
        items[items.count++] = apply(slice, packed, [from, to]);
        from = to;
        at = end + 1;
    }
    return items;
};

let paramsOf, changed, follow;
class URLSearchParams {
    #query = '';
    // The URL whose query this is.
    #url;
    #items;

    constructor(init = '') {
        if (!isObject(init)) {
            const query = text(init);
            this.#query = native.query(0, query[0] === '?' ? apply(slice, query, [1]) : query);
            return;
        }
        const iterate = init[iterator];
        if (iterate === undefined || iterate === null) {
            const keys = ownKeys(init), items = new Map();
            for (let at = 0; at < keys.length; at += 1) {
                const key = keys[at];
                if (!getOwnPropertyDescriptor(init, key)?.enumerable) continue;
                const name = text(key), item = text(init[key]);
                // Two keys may be the same once lone surrogates are replaced.
                apply(mapSet, items, [pair(name, ''), pair(name, item)]);
            }
            apply(mapEach, items, [(item) => this.#append(item)]);
            return;
        }
        if (#query in init && iterate === entries) this.#query = init.#query;
        else each(init, (item) => this.#pair(item));
    }

    #pair(item) {
        const both = sequence(item);
        if (both.length !== 2) throw new TypeError('a parameter is a pair of a name and a value');
        this.#append(pair(text(both[0]), text(both[1])));
    }

    #append(item) { this.#query = this.#query === '' ? item : this.#query + '&' + item; }

    #set(query) {
        this.#query = query;
        this.#items = undefined;
        if (this.#url !== undefined) changed(this.#url, query);
    }

    // Names and values in turn.
    #all() {
        return this.#items ??= strings(native.query(7, this.#query));
    }

    get size() { return this.#all().count / 2; }
    append(name, value) {
        needs(arguments.length, 2, 'append');
        // Converting runs code of the script's, which may change the list: only then is it looked at.
        const key = text(name), item = text(value);
        this.#append(pair(key, item));
        this.#set(this.#query);
    }
    delete(name, value = undefined) {
        needs(arguments.length, 1, 'delete');
        const key = text(name), item = value === undefined ? undefined : text(value);
        this.#set(native.query(3, this.#query, key, item));
    }
    get(name) {
        needs(arguments.length, 1, 'get');
        const key = text(name);
        return native.query(4, this.#query, key);
    }
    getAll(name) {
        needs(arguments.length, 1, 'getAll');
        const key = text(name), items = strings(native.query(8, this.#query, key)), all = [];
        for (let at = 0; at < items.count; at += 1) {
            append(all, items[at]);
        }
        return all;
    }
    has(name, value = undefined) {
        needs(arguments.length, 1, 'has');
        const key = text(name), item = value === undefined ? undefined : text(value);
        return native.query(5, this.#query, key, item);
    }
    set(name, value) {
        needs(arguments.length, 2, 'set');
        const key = text(name), item = text(value);
        this.#set(native.query(2, this.#query, key, item));
    }
    sort() { this.#set(native.query(6, this.#query)); }
    forEach(callback, target = undefined) {
        needs(arguments.length, 1, 'forEach');
        if (typeof callback !== 'function') throw new TypeError('the callback is not a function');
        for (let at = 0; at < this.#all().count; at += 2) {
            const items = this.#all();
            apply(callback, target, [items[at + 1], items[at], this]);
        }
    }
    *entries() {
        for (let at = 0; at < this.#all().count; at += 2) yield [this.#all()[at], this.#all()[at + 1]];
    }
    *keys() {
        for (let at = 0; at < this.#all().count; at += 2) yield this.#all()[at];
    }
    *values() {
        for (let at = 1; at < this.#all().count; at += 2) yield this.#all()[at];
    }
    toString() { return this.#query; }

    static {
        paramsOf = (url, query) => {
            const params = new URLSearchParams();
            params.#url = url;
            params.#query = query;
            return params;
        };
        follow = (params, query) => {
            params.#query = query;
            params.#items = undefined;
        };
    }
}
const { entries } = URLSearchParams.prototype;
const iterating = { __proto__: null, value: entries, writable: true, configurable: true };
defineProperty(URLSearchParams.prototype, iterator, iterating);

class URL {
    #text; #params;
    // Those of the parameters, if they have changed since.
    #query;

    get #href() {
        if (this.#query !== undefined) this.#href = native.url(28, this.#text, this.#query);
        return this.#text;
    }
    set #href(href) {
        this.#text = href;
        this.#query = undefined;
    }

    constructor(url, base = undefined) {
        needs(arguments.length, 1, 'URL');
        this.#href = parse(url, base);
        if (this.#href === null) throw new TypeError('Invalid URL');
    }
    static parse(url, base = undefined) {
        needs(arguments.length, 1, 'URL.parse');
        const href = parse(url, base);
        return href === null ? null : new URL(href);
    }
    static canParse(url, base = undefined) {
        needs(arguments.length, 1, 'URL.canParse');
        return parse(url, base) !== null;
    }

    #set(part, value) {
        const item = text(value);
        this.#href = native.url(part + 16, this.#href, item);
        if (this.#params !== undefined) follow(this.#params, native.url(12, this.#href));
    }

    get href() { return this.#href; }
    set href(value) {
        const href = parse(value);
        if (href === null) throw new TypeError('Invalid URL');
        this.#href = href;
        if (this.#params !== undefined) follow(this.#params, native.url(12, href));
    }
    get origin() { return native.url(1, this.#href); }
    get protocol() { return native.url(2, this.#href); }
    set protocol(value) { this.#set(2, value); }
    get username() { return native.url(3, this.#href); }
    set username(value) { this.#set(3, value); }
    get password() { return native.url(4, this.#href); }
    set password(value) { this.#set(4, value); }
    get host() { return native.url(5, this.#href); }
    set host(value) { this.#set(5, value); }
    get hostname() { return native.url(6, this.#href); }
    set hostname(value) { this.#set(6, value); }
    get port() { return native.url(7, this.#href); }
    set port(value) { this.#set(7, value); }
    get pathname() { return native.url(8, this.#href); }
    set pathname(value) { this.#set(8, value); }
    get search() { return native.url(9, this.#href); }
    set search(value) { this.#set(9, value); }
    get searchParams() { return this.#params ??= paramsOf(this, native.url(12, this.#href)); }
    get hash() { return native.url(10, this.#href); }
    set hash(value) { this.#set(10, value); }
    toString() { return this.#href; }
    toJSON() { return this.#href; }

    static {
        changed = (url, query) => { url.#query = query; };
    }
}

tag(URL, 'URL');
tag(URLSearchParams, 'URLSearchParams');
return [URL, URLSearchParams];
