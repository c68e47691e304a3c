// How `console` writes values: as Node does, for people. The first part of the console's setup script.
//
// Scripts may patch every builtin and log hostile values, so
// - whatever is needed later is captured here, and no function below looks a method up, iterates or uses a template
//   literal (an engine may make that a call of `concat`);
// - own objects and lists have no prototype, and descriptors lose theirs, so that patched setters are never met;
// - no getter and no `toString` is called: of a script's code only a Proxy's traps run, and what `%j` asks for;
// - work is bounded for each call: `state.nodes` properties and items, `state.text` characters.
const call = Function.prototype.call;
const uncurry = call.bind.bind(call);
const { getPrototypeOf, getOwnPropertyDescriptor, ownKeys } = Reflect;
const { setPrototypeOf } = Object;
const { isArray } = Array;
const { toStringTag } = Symbol;
const getter = (object, name) => uncurry(getOwnPropertyDescriptor(object, name).get);
const nextOf = (iterator) => uncurry(getPrototypeOf(iterator).next);
const slice = uncurry(String.prototype.slice), indexOf = uncurry(String.prototype.indexOf);
const repeat = uncurry(String.prototype.repeat), charCodeAt = uncurry(String.prototype.charCodeAt);
const exec = uncurry(RegExp.prototype.exec), symbolText = uncurry(Symbol.prototype.toString);
const functionSource = uncurry(Function.prototype.toString), functionPrototype = Function.prototype;
const stackGetter = getOwnPropertyDescriptor(Error.prototype, 'stack')?.get;
const stackOf = stackGetter === undefined ? () => undefined : uncurry(stackGetter);
const find = uncurry(Map.prototype.get);

const NODES_MAX = 10_000; // properties and items of one call
const LINE_MAX = 65_536; // characters of one call
const TEXT_MAX = 10_000; // characters of one nested string, name, message or stack
const ITEMS_MAX = 100; // items of one array, Map or Set
const STEPS_MAX = 50; // prototypes of one value
const BIGINT_MAX = 1n << 4096n; // larger ones take long to write
const WIDTH = 80;
const identifier = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
const special = /[\x00-\x1f'\\\x7f-\x9f]/;
const escapes = { __proto__: null, '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' };

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const list = () => setPrototypeOf([], null);
const add = (entries, entry) => { entries[entries.length] = entry; };
const own = (object, key) => {
    const property = getOwnPropertyDescriptor(object, key);
    return property === undefined ? undefined : setPrototypeOf(property, null);
};
const read = (object, key) => own(object, key)?.value;
const readText = (object, key) => { const text = read(object, key); return typeof text === 'string' ? text : ''; };
const counted = (count, one, many = one + 's') => count + ' ' + (count === 1 ? one : many);
const spent = (state) => (state.nodes -= 1) < 0 || state.text <= 0;
const clip = (text, state) => {
    state.text -= text.length;
    return text.length > TEXT_MAX ? slice(text, 0, TEXT_MAX) + '...' : text;
};

function indented(text, margin) {
    let out = '', from = 0;
    for (let at = indexOf(text, '\n'); at >= 0; at = indexOf(text, '\n', from)) {
        out += slice(text, from, at + 1) + margin;
        from = at + 1;
    }
    return out + slice(text, from);
}

function quote(text) {
    const kept = slice(text, 0, TEXT_MAX), lacks = (part) => indexOf(kept, part) < 0;
    const mark = lacks("'") ? "'" : lacks('"') ? '"' : lacks('`') && lacks('${') ? '`' : "'";
    let out = kept;
    if (exec(special, kept) !== null) {
        out = '';
        for (let at = 0; at < kept.length; at += 1) {
            const letter = kept[at], code = charCodeAt(letter, 0);
            if (letter === mark) out += '\\' + mark;
            else if (code >= 127 ? code > 159 : code >= 32 && letter !== '\\') out += letter;
            else out += escapes[letter] ?? '\\x' + '0123456789ABCDEF'[code >> 4] + '0123456789ABCDEF'[code & 15];
        }
    }
    return mark + out + mark + (text.length === kept.length ? '' : '... ' + counted(text.length - TEXT_MAX, 'more character'));
}

function primitive(value, state) {
    if (typeof value === 'string') return quote(value);
    if (typeof value === 'number') return value === 0 && 1 / value < 0 ? '-0' : '' + value;
    if (typeof value === 'bigint') return value < BIGINT_MAX && -value < BIGINT_MAX ? value + 'n' : '[BigInt]';
    return typeof value === 'symbol' ? clip(symbolText(value), state) : '' + value;
}

const moreItems = (entries, count) => add(entries, '... ' + counted(count, 'more item'));
const items = (prototype, iterate, next, text) => {
    const size = getter(prototype, 'size');
    return (value, shape) => {
        shape.size = size(value);
        shape.fill = (entries, write, state) => {
            const iterator = iterate(value);
            for (let at = 0; at < shape.size; at += 1) {
                if (at === ITEMS_MAX || spent(state)) return moreItems(entries, shape.size - at);
                add(entries, text(next(iterator).value, write));
            }
        };
    };
};
const listed = (shape, length, element) => {
    shape.open = '[';
    shape.close = ']';
    shape.size = length;
    shape.keys = false;
    shape.fill = (entries, write, state) => {
        let holes = 0, at = 0;
        const flush = () => { if (holes > 0) add(entries, '<' + counted(holes, 'empty item') + '>'); holes = 0; };
        for (; at < length && at < ITEMS_MAX && !spent(state); at += 1) {
            const property = element(at);
            if (property === undefined) { holes += 1; continue; }
            flush();
            add(entries, propertyText(property, write));
            shape.indices += 1;
        }
        flush();
        if (at < length) moreItems(entries, length - at);
    };
};
const boxed = (prototype) => {
    const valueOf = uncurry(prototype.valueOf);
    return (value, shape, state) => {
        const content = valueOf(value);
        shape.base = '[' + shape.name + ': ' + primitive(content, state) + ']';
        shape.keys = typeof content !== 'string';
    };
};
const error = (value, shape, state) => {
    let name = '', message = '', object = value;
    for (let steps = 0; object !== null && steps < STEPS_MAX; steps += 1, object = getPrototypeOf(object)) {
        name ||= readText(object, 'name');
        message ||= readText(object, 'message');
    }
    if (name === 'Error') name = shape.name || name;
    const head = clip(message === '' ? name : name + ': ' + message, state);
    const frames = framesOf(read(value, 'stack') ?? stackOf(value), state);
    shape.base = frames === '' ? '[' + head + ']' : head + '\n' + frames;
    shape.error = true;
};
const framesOf = (stack, state) => {
    const at = typeof stack === 'string' ? indexOf(stack, '    at ') : -1;
    return at < 0 ? '' : clip(slice(stack, at, stack[stack.length - 1] === '\n' ? -1 : undefined), state);
};

// Says how values are shown, by the builtin prototype that they have. Each throws for a value that only pretends.
const typedArray = getPrototypeOf(Uint8Array.prototype), typedLength = getter(typedArray, 'length');
const bytes = getter(ArrayBuffer.prototype, 'byteLength');
const time = uncurry(Date.prototype.getTime), iso = uncurry(Date.prototype.toISOString);
const source = getter(RegExp.prototype, 'source');
const flags = [
    ['d', 'hasIndices'], ['g', 'global'], ['i', 'ignoreCase'], ['m', 'multiline'],
    ['s', 'dotAll'], ['u', 'unicode'], ['v', 'unicodeSets'], ['y', 'sticky'],
].map(([flag, name]) => [flag, getter(RegExp.prototype, name)]);
const kinds = new Map([
    [Error.prototype, error],
    [Map.prototype, items(Map.prototype, uncurry(Map.prototype.entries), nextOf(new Map().entries()),
        (pair, write) => write(pair[0]) + ' => ' + write(pair[1]))],
    [Set.prototype, items(Set.prototype, uncurry(Set.prototype.values), nextOf(new Set().values()),
        (item, write) => write(item))],
    [Date.prototype, (value, shape) => { shape.base = time(value) === time(value) ? iso(value) : 'Invalid Date'; }],
    [RegExp.prototype, (value, shape, state) => {
        let set = '';
        for (let at = 0; at < flags.length; at += 1) if (flags[at][1](value)) set += flags[at][0];
        shape.base = '/' + clip(source(value), state) + '/' + set;
    }],
    [typedArray, (value, shape) => listed(shape, typedLength(value), (at) => ({ __proto__: null, value: value[at] }))],
    [ArrayBuffer.prototype, (value, shape) => {
        const count = bytes(value);
        shape.fill = (entries) => add(entries, 'byteLength: ' + count);
    }],
    ...[Number, String, Boolean, Symbol, BigInt].map(({ prototype }) => [prototype, boxed(prototype)]),
]);

const names = new Map([
    Object, Array, Function, Map, Set, Promise, Date, RegExp, Number, String, Boolean,
    Error, TypeError, RangeError, ReferenceError, SyntaxError,
].map((builtin) => [builtin.prototype, builtin.name]));

// Walks the prototypes for the nearest builtin, the class's name and the tag.
function shapeOf(value) {
    const shape = { __proto__: null, kind: undefined, name: '', tag: '', base: '', open: '{', close: '}', size: -1,
        fill: undefined, keys: true, error: false, indices: 0 };
    let object = value;
    for (let steps = 0; object !== null && steps < STEPS_MAX; steps += 1, object = getPrototypeOf(object)) {
        shape.kind ??= find(kinds, object);
        if (steps > 0 || !own(object, toStringTag)?.enumerable) shape.tag ||= readText(object, toStringTag);
        if (steps > 0) shape.name ||= find(names, object) ?? className(object);
    }
    return shape;
}

function className(prototype) {
    const constructor = read(prototype, 'constructor');
    const made = typeof constructor === 'function' && read(constructor, 'prototype') === prototype;
    return made ? readText(constructor, 'name') : '';
}

function functionText(value, shape, state) {
    const name = clip(readText(value, 'name'), state);
    const fixed = own(value, 'prototype')?.writable === false; // So it is a class or a builtin.
    if (fixed && slice(clip(functionSource(value), state), 0, 5) === 'class') {
        const parent = getPrototypeOf(value);
        let base = parent === null ? 'null' : '';
        if (parent !== null && parent !== functionPrototype) base = clip(readText(parent, 'name'), state);
        return '[class ' + (name || '(anonymous)') + (base && ' extends ' + base) + ']';
    }
    return '[' + (shape.name || 'Function') + (name === '' ? ' (anonymous)' : ': ' + name) + ']';
}

function propertyText(property, write) {
    if (property.get === undefined) return property.set === undefined ? write(property.value) : '[Setter]';
    return property.set === undefined ? '[Getter]' : '[Getter/Setter]';
}

// Calls `visit(label, property)` for the properties that are shown, until it answers true or the budget is spent.
// Answers how many keys were not looked at.
function eachProperty(value, shape, state, visit) {
    const keys = ownKeys(value);
    let at = shape.indices;
    for (let done = false; at < keys.length && !done && !spent(state); at += 1) {
        const key = keys[at], property = own(value, key);
        const cause = shape.error && (key === 'cause' || key === 'errors') && !property?.enumerable;
        const told = shape.error && (key === 'name' || key === 'message' || key === 'stack');
        if (property === undefined || told || !(property.enumerable || cause)) continue;
        let label = typeof key === 'symbol' ? symbolText(key) : key;
        if (typeof key === 'symbol' || cause) label = '[' + label + ']';
        else if (exec(identifier, key) === null) label = quote(key);
        done = visit(clip(label, state), property) === true;
    }
    state.nodes -= keys.length >> 4; // Listing the keys of a large object is work, too.
    return keys.length - at;
}

function inspect(value, state, level, indent, above) {
    if (isObject(value)) {
        try { return inspectObject(value, state, level, indent, above); } catch { return '[unreadable]'; }
    }
    const text = primitive(value, state);
    state.text -= text.length;
    return text;
}

function inspectObject(value, state, level, indent, above) {
    if (state.nodes <= 0 || state.text <= 0) return typeof value === 'function' ? '[Function]' : '[Object]';
    for (let up = above; up !== null; up = up.above) if (up.value === value) return '[Circular]';
    const array = isArray(value), shape = shapeOf(value);
    if (typeof value === 'function') shape.base = functionText(value, shape, state);
    else if (array) {
        const length = read(value, 'length');
        listed(shape, typeof length === 'number' ? length : 0, (at) => own(value, at));
        shape.keys = length <= ITEMS_MAX;
    } else if (shape.kind !== undefined) {
        try { shape.kind(value, shape, state); } catch { /* It only inherits from a builtin: an object like others. */ }
    }

    const usual = array ? 'Array' : 'Object', size = shape.size < 0 ? '' : '(' + shape.size + ')';
    const name = clip(shape.name, state), base = indented(shape.base, repeat(' ', indent));
    const tag = shape.tag === '' || shape.tag === name ? '' : ' [' + clip(shape.tag, state) + ']';
    let open = name === '' ? '[' + usual + size + ': null prototype]' + tag + ' ' : name + size + tag + ' ';
    if (base !== '') open = base + ' ';
    else if (name === usual && tag === '') open = '';
    if (level > state.depth) {
        let some = shape.size > 0;
        if (!some && shape.keys) eachProperty(value, shape, state, () => (some = true));
        if (some) return base || (name === '' ? '[' + usual + ': null prototype]' : '[' + name + tag + ']');
    }

    const here = { __proto__: null, value, above };
    const write = (item) => inspect(item, state, level + 1, indent + 2, here);
    const entries = list();
    if (shape.fill !== undefined) shape.fill(entries, write, state);
    if (shape.keys) {
        const left = eachProperty(value, shape, state,
            (label, property) => add(entries, label + ': ' + propertyText(property, write)));
        if (left > 0 && !array) add(entries, '... ' + counted(left, 'more property', 'more properties'));
    }
    if (entries.length === 0 && base !== '') return base;
    return layout(open + shape.open, shape.close, entries, indent, shape.open === '[');
}

// One line if it fits; else one line for each entry, or as many short items a line as fit.
function layout(open, close, entries, indent, packs) {
    const count = entries.length, margin = '\n' + repeat(' ', indent);
    if (count === 0) return open + close;
    let width = 2 * count + indent + open.length + 10, longest = 0, joined = open;
    for (let at = 0; at < count; at += 1) {
        const { length } = entries[at];
        width += length;
        if (length > longest) longest = length;
        joined += (at === 0 ? ' ' : ', ') + entries[at];
    }
    if (width <= WIDTH && indexOf(joined, '\n') < 0) return joined + ' ' + close;
    let text = open, column = WIDTH;
    for (let at = 0; at < count; at += 1) {
        const entry = at === count - 1 ? entries[at] : entries[at] + ',';
        column += entry.length + 1;
        if (packs && longest <= 16 && column <= WIDTH - 4) { text += ' ' + entry; continue; }
        text += margin + '  ' + entry;
        column = indent + 2 + entry.length;
    }
    return text + margin + close;
}
