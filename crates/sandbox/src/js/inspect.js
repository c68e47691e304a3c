// How `console` reads values. The first part of the console's setup script.
//
// It only walks what a script logs, and writes it as tokens (see `tokens.rs`) in one string; what these look like as
// text is Rust's work. Every VM holds this code, so that it is short: a function costs 300 bytes, a builtin that is
// kept 170, a name that no builtin has 50, a constant that functions share 80.
//
// Scripts may patch every builtin and log hostile values, so
// - whatever is needed later is captured here, and no function below looks a method up, iterates or uses a template
//   literal (an engine may make that a call of `concat`);
// - own objects and descriptors have no prototype, and lists are read within their length;
// - no getter and no `toString` is called: of a script's code only a Proxy's traps run, and what `%j` asks for;
// - work is bounded for each call: `on.nodes` properties and items, `on.text` characters. A list shows 100 items, a
//   value has 50 prototypes, a text within a value 10,000 characters, all of a call 65,536.
const { apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const getter = (object, name) => getOwnPropertyDescriptor(object, name).get;
const { isArray, prototype: { indexOf } } = Array;
const { slice } = String.prototype;
const nextOf = (iterator) => getPrototypeOf(iterator).next;
const typedArray = getPrototypeOf(Uint8Array);

const on = {
    __proto__: null, apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, isArray, indexOf, slice, String,
    toStringTag: Symbol.toStringTag, toString: Function.prototype.toString,
    stack: getOwnPropertyDescriptor(Error.prototype, 'stack')?.get,
    // Builtins by number, as in `tokens.rs`: the first twelve are shown in ways of their own, and `valueOf` has what
    // reads each of these and throws for a value that only pretends.
    prototype: [
        Error.prototype, Map.prototype, Set.prototype, Date.prototype, RegExp.prototype, typedArray.prototype,
        ArrayBuffer.prototype, Number.prototype, String.prototype, Boolean.prototype, Symbol.prototype, BigInt.prototype,
        Object.prototype, Array.prototype, Function.prototype, Promise.prototype, TypeError.prototype,
        RangeError.prototype, ReferenceError.prototype, SyntaxError.prototype,
    ],
    valueOf: [
        isArray, getter(Map.prototype, 'size'), getter(Set.prototype, 'size'), Date.prototype.getTime,
        getter(RegExp.prototype, 'source'), getter(typedArray.prototype, 'length'),
        getter(ArrayBuffer.prototype, 'byteLength'), Number.prototype.valueOf, String.prototype.valueOf,
        Boolean.prototype.valueOf, Symbol.prototype.valueOf, BigInt.prototype.valueOf,
    ],
    flags: [
        getter(RegExp.prototype, 'hasIndices'), getter(RegExp.prototype, 'global'),
        getter(RegExp.prototype, 'ignoreCase'), getter(RegExp.prototype, 'multiline'),
        getter(RegExp.prototype, 'dotAll'), getter(RegExp.prototype, 'unicode'),
        getter(RegExp.prototype, 'unicodeSets'), getter(RegExp.prototype, 'sticky'),
    ],
    entries: [undefined, Map.prototype.entries, Set.prototype.values],
    next: [undefined, nextOf(new Map().entries()), nextOf(new Set().values())],
    nodes: 0, text: 0, depth: 0,
};

const own = (object, key) => {
    const value = on.getOwnPropertyDescriptor(object, key);
    return value && { __proto__: null, ...value };
};

const text = (object, key) => {
    const value = own(object, key)?.value;
    return typeof value === 'string' ? value : '';
};

// A text as a token: its length, how it is meant, and as much of it as is shown.
const put = (text, mark) => {
    const { length } = text, max = mark === '!' || mark === '%' ? 65_537 : 10_000;
    if (length > max) text = on.apply(on.slice, text, [0, max]);
    on.text -= mark === '"' ? text.length : length;
    return length + mark + text;
};

// A property's value as tokens. `level` counts the objects around it, and `above` lists them from the inside;
// `table` counts the levels of a table that are left.
const show = (property, level, above, table) => {
    if (property.get || property.set) return property.get ? property.set ? 'b' : 'g' : 's';
    const { value } = property;
    switch (typeof value) {
        case 'string': return put(value, '"');
        case 'number': return put(value === 0 && 1 / value < 0 ? '-0' : '' + value, ':');
        case 'bigint': return put((value < 0 ? -value : value) >> 4096n ? '[BigInt]' : value + 'n', ':'); // A long one takes long.
        case 'function': case 'object': if (value !== null) break;
        default: return put(on.String(value), ':');
    }
    try {
        if (!table && (on.nodes <= 0 || on.text <= 0)) return typeof value === 'function' ? 'F' : 'O';
        for (let up = above; up; up = up[1]) if (up[0] === value) return 'C';

        // The nearest builtin, the class's name and the tag.
        const array = on.isArray(value);
        let kind = -1, name = '', tag = '';
        for (let object = value, index = 0; object !== null && index < 50; index += 1) {
            const at = on.apply(on.indexOf, on.prototype, [object]);
            if (kind < 0 && at < 12) kind = at;
            if (tag === '' && (index > 0 || !own(object, on.toStringTag)?.enumerable)) tag = text(object, on.toStringTag);
            if (index > 0 && name === '') {
                const constructor = at < 0 ? own(object, 'constructor')?.value : undefined;
                if (at >= 0) name = at;
                else if (typeof constructor === 'function' && own(constructor, 'prototype')?.value === object) {
                    name = text(constructor, 'name');
                }
            }
            object = on.getPrototypeOf(object);
        }
        if (table && (typeof value === 'function' || (!array && kind >= 0))) {
            return show(property, table > 1 ? 0 : 3, null, 0);
        }

        let form = table ? 'T' : 'o', base = '.', size = -1, keys = true, error = false, entries = '', iterator;
        if (typeof value === 'function') {
            base = put(text(value, 'name'), ':');
            let source = '';
            if (own(value, 'prototype')?.writable === false) source = on.apply(on.toString, value, []); // A class or a builtin.
            on.text -= source.length;
            if (on.apply(on.slice, source, [0, 5]) === 'class') {
                const parent = on.getPrototypeOf(value);
                base = 'c' + base + put(parent === null ? 'null' : parent === on.prototype[14] ? '' : text(parent, 'name'), ':');
            } else base = 'f' + base;
        } else if (array) {
            size = own(value, 'length')?.value;
            keys = !table && size <= 100;
            if (!table) form = 'a';
        } else if (kind >= 0) try {
            const found = on.apply(on.valueOf[kind], value, []);
            switch (kind) {
                case 0: { // Error
                    let title = '', message = '', stack = own(value, 'stack')?.value ?? on.apply(on.stack, value, []);
                    for (let object = value, index = 0; object !== null && index < 50; index += 1) {
                        title ||= text(object, 'name');
                        message ||= text(object, 'message');
                        object = on.getPrototypeOf(object);
                    }
                    base = 'e' + put(title, ':') + put(message, ':') + put(typeof stack === 'string' ? stack : '', '!');
                    error = true;
                    break;
                }
                case 1: case 2: // Map, Set
                    iterator = on.apply(on.entries[kind], value, []);
                    size = found;
                    break;
                case 3: base = 'd' + found + ';'; break; // Date
                case 4: { // RegExp
                    let flags = '';
                    for (let at = 0; at < 8; at += 1) if (on.apply(on.flags[at], value, [])) flags += 'dgimsuvy'[at];
                    base = 'r' + put(found, ':') + put(flags, ':');
                    break;
                }
                case 5: form = 't'; size = found; keys = false; break; // typed array
                case 6: entries = ',' + put('byteLength: ' + found, ':'); break; // ArrayBuffer
                default: // boxed primitive
                    base = 'v' + show({ __proto__: null, value: found }, 0, null, 0);
                    keys = typeof found !== 'string';
            }
        } catch { /* It only inherits from a builtin: an object like others. */ }

        if (!table) form += (name === '' || typeof name === 'string' ? put(name, ':') : name + '#') + put(tag, ':') + base + size + ';';
        const here = table ? null : [value, above], max = table === 1 ? 20 : 100;
        for (let probe = !table && level > on.depth; ; probe = false) { // What is too deep is only asked whether it is empty.
            if (probe && size > 0) return 'E' + form;
            let at = 0, index = 0, count = 0;
            for (; at < size && at < max && (table || ((on.nodes -= 1) >= 0 && on.text > 0)); at += 1) {
                let item = array ? own(value, at) : undefined;
                entries += ',';
                if (array) {
                    if (table) { entries += put('' + at, '='); item ??= { __proto__: null }; }
                    if (item === undefined) { entries += '_'; continue; }
                    index += 1;
                } else {
                    let value1 = kind === 5 ? value[at] : on.apply(on.next[kind], iterator, []).value;
                    if (kind === 1) { entries += show({ __proto__: null, value: value1[0] }, level + 1, here, 0) + '>'; value1 = value1[1]; }
                    item = { __proto__: null, value: value1 };
                }
                entries += show(item, level + 1, here, table && table - 1);
            }
            if (at < size && !table) entries += ',+' + (size - at) + 'i';
            if (keys) {
                const keys = on.ownKeys(value);
                for (; index < keys.length && (!table || count < max) && (on.nodes -= 1) >= 0 && on.text > 0; index += 1) {
                    const key = keys[index], item = own(value, key);
                    const cause = error && (key === 'cause' || key === 'errors') && !item?.enumerable;
                    const told = error && (key === 'name' || key === 'message' || key === 'stack');
                    if (item === undefined || told || !(item.enumerable || cause)) continue;
                    if (probe) { on.nodes -= keys.length >> 4; return 'E' + form; }
                    entries += ',' + put(on.String(key), cause || typeof key === 'symbol' ? ']' : '=') + show(item, level + 1, here, table && table - 1);
                    count += 1;
                }
                on.nodes -= keys.length >> 4; // Listing the keys of a large object is work, too.
                if (index < keys.length && !array && !table) entries += ',+' + (keys.length - index) + 'p';
            }
            if (!probe) return form + entries + ')';
        }
    } catch (thrown) {
        if (table) throw thrown;
        return 'u';
    }
};
