// Headers: https://fetch.spec.whatwg.org/#headers-class, without guards.
//
// The state is a text that Rust writes and reads: a line for each header. The numbers are those of `Change` in
// headers.rs.
const { apply, slice, indexOf, iterator, defineProperty, ownKeys, getOwnPropertyDescriptor } = own;
const { TypeError } = own.global;
const { text, isObject, needs, tag, append, each, sequence } = own.load('common');

// The lines of a text. No name or value has a line break in it.
const lines = (packed) => {
    const items = { __proto__: null, count: 0 };
    for (let from = 0; from < packed.length;) {
        const end = apply(indexOf, packed, ['\n', from]);
        items[items.count++] = apply(slice, packed, [from, end]);
        from = end + 1;
    }
    return items;
};

class Headers {
    #state = '';
    #items;

    constructor(init = undefined) {
        if (init === undefined) return;
        if (!isObject(init)) throw new TypeError('headers are made from an object or a list of pairs');
        const iterate = init[iterator];
        if (iterate === undefined || iterate === null) {
            const keys = ownKeys(init);
            for (let at = 0; at < keys.length; at += 1) {
                if (!getOwnPropertyDescriptor(init, keys[at])?.enumerable) continue;
                const name = text(keys[at]);
                this.#append(name, text(init[keys[at]]));
            }
            return;
        }
        if (#state in init && iterate === entries) this.#state = init.#state;
        else each(init, (pair) => this.#pair(pair));
    }

    #pair(pair) {
        const both = sequence(pair);
        if (both.length !== 2) throw new TypeError('a header is a pair of a name and a value');
        this.#append(text(both[0]), text(both[1]));
    }

    #append(name, value) { this.#set(this.#state + native.headers(0, '', name, value)); }

    #set(state) {
        this.#state = state;
        this.#items = undefined;
    }

    // Names and values in turn: sorted, and combined.
    #all() { return this.#items ??= lines(native.headers(5, this.#state)); }

    append(name, value) {
        needs(arguments.length, 2, 'append');
        // Converting runs code of the script's, which may change the list: only then is it looked at.
        const key = text(name), item = text(value);
        this.#append(key, item);
    }
    delete(name) {
        needs(arguments.length, 1, 'delete');
        const key = text(name);
        this.#set(native.headers(2, this.#state, key));
    }
    get(name) {
        needs(arguments.length, 1, 'get');
        const key = text(name);
        return native.headers(3, this.#state, key);
    }
    getSetCookie() {
        const items = lines(native.headers(6, this.#state)), all = [];
        for (let at = 0; at < items.count; at += 1) {
            append(all, items[at]);
        }
        return all;
    }
    has(name) {
        needs(arguments.length, 1, 'has');
        const key = text(name);
        return native.headers(4, this.#state, key);
    }
    set(name, value) {
        needs(arguments.length, 2, 'set');
        const key = text(name), item = text(value);
        this.#set(native.headers(1, this.#state, key, item));
    }
    forEach(callback, target = undefined) {
        needs(arguments.length, 1, 'forEach');
        if (typeof callback !== 'function') throw new TypeError('the callback is not a function');
        let items = this.#all();
        for (let at = 0; at < items.count; at += 2, items = this.#all()) {
            apply(callback, target, [items[at + 1], items[at], this]);
        }
    }
    *entries() {
        let items = this.#all();
        for (let at = 0; at < items.count; at += 2, items = this.#all()) yield [items[at], items[at + 1]];
    }
    *keys() {
        let items = this.#all();
        for (let at = 0; at < items.count; at += 2, items = this.#all()) yield items[at];
    }
    *values() {
        let items = this.#all();
        for (let at = 1; at < items.count; at += 2, items = this.#all()) yield items[at];
    }

    static {
        // For what else has headers: to the text of the state and back, and each name once.
        own.headers = {
            __proto__: null,
            stateOf: (headers) => headers.#state,
            hasHeader: (headers, name) => native.headers(4, headers.#state, name),
            headersOf: (state) => {
                const headers = new Headers();
                headers.#state = state;
                return headers;
            },
            eachHeader: (headers, step) => {
                const items = headers.#all();
                for (let at = 0; at < items.count; at += 2) step(items[at], items[at + 1]);
            },
        };
    }
}
const { entries } = Headers.prototype;
defineProperty(Headers.prototype, iterator, { __proto__: null, value: entries, writable: true, configurable: true });
tag(Headers, 'Headers');
return [Headers];
