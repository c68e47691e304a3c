// The global `console`. The second part of its setup script: hands lines to `native.log(level, text)`.
const { parseInt, parseFloat } = global;
const { stringify } = JSON;
const { now } = Date;
const { captureStackTrace } = Error;
const constructorOfErrors = Error;
const prepare = getOwnPropertyDescriptor(Error, 'prepareStackTrace');
const prepareOf = prepare?.get === undefined ? () => undefined : uncurry(prepare.get);
const setPrepare = prepare?.set === undefined ? () => undefined : uncurry(prepare.set);
const sink = native.log;

const TRACE = 0, DEBUG = 1, INFO = 2, WARN = 3, ERROR = 4;
const DEPTH_USUAL = 2, DEPTH_MAX = 50; // nested objects that are shown, and what `dir` may ask for
const COLUMNS_MAX = 20; // columns of a table
const GROUPS_MAX = 20; // groups that indent
const counts = { __proto__: null }, timers = { __proto__: null };
let groups = 0, busy = 0;

const show = (value, state, depth = DEPTH_USUAL) => {
    state.depth = depth;
    return inspect(value, state, 0, 0, null);
};
const raw = (value, state, depth) => {
    if (typeof value !== 'string') return show(value, state, depth);
    state.text -= value.length;
    return slice(value, 0, LINE_MAX + 1);
};

// What `%letter` makes of a value; `undefined` for letters that mean nothing.
const numbers = { __proto__: null, d: (value) => +value, i: parseInt, f: parseFloat };
function convert(letter, value, state) {
    switch (letter) {
        case 's': return raw(value, state, 0);
        case 'd': case 'i': case 'f':
            if (typeof value === 'bigint') return primitive(value, state);
            return isObject(value) || typeof value === 'symbol' ? 'NaN' : primitive(numbers[letter](value), state);
        case 'j': return json(value, state);
        case 'o': return show(value, state, 2 * DEPTH_USUAL);
        case 'O': return show(value, state);
        case 'c': return '';
        default: return undefined;
    }
}

function json(value, state) {
    const visit = (key, item) => {
        state.text -= key.length + (typeof item === 'string' ? item.length : 4);
        if (spent(state)) throw undefined;
        return item;
    };
    try { return '' + stringify(value, visit); } catch { return show(value, state); }
}

function format(args, state) {
    let out = '', next = 0;
    if (args.length > 1 && typeof args[0] === 'string') {
        const pattern = raw(args[0], state);
        let from = 0;
        next = 1;
        for (let at = indexOf(pattern, '%'); at >= 0 && at + 1 < pattern.length; at = indexOf(pattern, '%', at)) {
            const letter = pattern[at + 1];
            const piece = letter === '%' ? '%' : next < args.length ? convert(letter, args[next], state) : undefined;
            if (piece === undefined) { at += 1; continue; }
            out += slice(pattern, from, at) + piece;
            if (letter !== '%') next += 1;
            from = at += 2;
        }
        out += slice(pattern, from);
    }
    for (; next < args.length && state.text > 0; next += 1) out += (next === 0 ? '' : ' ') + raw(args[next], state);
    return next === args.length ? out : out + ' ... ' + counted(args.length - next, 'more argument');
}

// Writes what `compose(args, state)` answers, if it is not `undefined`. Never throws.
function emit(level, args, compose = format) {
    const usual = prepareOf(constructorOfErrors);
    busy += 1;
    try {
        setPrepare(constructorOfErrors, undefined); // It would see the frames of this file.
        // A trap of a Proxy that logs the Proxy must come to an end: no object is read while another one is.
        const state = { __proto__: null, level, nodes: busy > 1 ? 0 : NODES_MAX, text: LINE_MAX, depth: DEPTH_USUAL };
        const text = compose(args, state);
        if (text === undefined) return;
        const margin = repeat('  ', groups < GROUPS_MAX ? groups : GROUPS_MAX);
        const line = margin + indented(slice(text, 0, LINE_MAX + 1), margin);
        sink(state.level, line.length > LINE_MAX ? slice(line, 0, LINE_MAX) + '... (cut)' : line);
    } catch {
        try { sink(level, '[unreadable]'); } catch { /* The stack is used up. */ }
    } finally {
        busy -= 1;
        setPrepare(constructorOfErrors, usual);
    }
}

// A table has a row for each of `data`'s entries and a column for each key of these.
function table(args, state) {
    const data = args.length === 0 ? undefined : args[0];
    const tabular = (value) =>
        typeof value === 'object' && value !== null && (isArray(value) || shapeOf(value).kind === undefined);
    if (!tabular(data)) return show(data, state);
    const each = (value, max, visit) => {
        let count = 0;
        const step = (label, property) => { visit(label, property); return (count += 1) >= max; };
        if (!isArray(value)) return eachProperty(value, shapeOf(value), state, step);
        const length = read(value, 'length');
        for (let at = 0; at < length && at < max; at += 1) step('' + at, own(value, at) ?? { __proto__: null });
    };
    const cell = (property) => propertyText(property, (item) => inspect(item, state, DEPTH_USUAL + 1, 0, null));
    const columns = list(), rows = list(), known = { __proto__: null };
    const column = (label) => { known[label] = true; add(columns, label); };
    column('(index)');
    each(data, ITEMS_MAX, (index, row) => {
        const cells = { __proto__: null, '(index)': index };
        add(rows, cells);
        const enter = (label, property) => {
            if (known[label] !== true && columns.length <= COLUMNS_MAX) column(label);
            cells[label] = cell(property);
        };
        if (row.get === undefined && tabular(row.value)) each(row.value, COLUMNS_MAX, enter);
        else enter('Values', row);
    });
    const widths = list();
    for (let at = 0; at < columns.length; at += 1) {
        let width = columns[at].length;
        for (let row = 0; row < rows.length; row += 1) {
            const length = rows[row][columns[at]]?.length ?? 0;
            if (length > width) width = length;
        }
        add(widths, width);
    }
    const line = (left, between, right, text) => {
        let out = left;
        for (let at = 0; at < columns.length; at += 1) out += (at === 0 ? '' : between) + text(columns[at], widths[at]);
        return out + right;
    };
    const rule = (label, width) => repeat('─', width + 2);
    const padded = (text, width) => ' ' + text + repeat(' ', width - text.length) + ' ';
    let out = line('┌', '┬', '┐\n', rule) + line('│', '│', '│\n', padded) + line('├', '┼', '┤\n', rule);
    for (let row = 0; row < rows.length && out.length <= LINE_MAX; row += 1) {
        out += line('│', '│', '│\n', (label, width) => padded(rows[row][label] ?? '', width));
    }
    return out + line('└', '┴', '┘', rule);
}

const labelOf = (args, state) => {
    const label = args.length === 0 || args[0] === undefined ? 'default' : args[0];
    return typeof label === 'string' ? clip(label, state) : show(label, state);
};
const timed = (args, state) => {
    const label = labelOf(args, state);
    const elapsed = timers[label] === undefined ? undefined : label + ': ' + (now() - timers[label]) + 'ms';
    return { __proto__: null, label, elapsed };
};
const warning = (state, text) => {
    state.level = WARN;
    return text;
};

const console = {
    log(...args) { emit(INFO, args); },
    info(...args) { emit(INFO, args); },
    debug(...args) { emit(DEBUG, args); },
    warn(...args) { emit(WARN, args); },
    error(...args) { emit(ERROR, args); },
    trace(...args) {
        emit(TRACE, args, (args, state) => {
            const target = { __proto__: null };
            captureStackTrace?.(target, console.trace);
            const frames = framesOf(read(target, 'stack'), state);
            return 'Trace' + (args.length === 0 ? '' : ': ' + format(args, state)) + (frames && '\n' + frames);
        });
    },
    assert(condition, ...args) {
        if (condition) return;
        emit(ERROR, args, (args, state) => 'Assertion failed' + (args.length === 0 ? '' : ': ' + format(args, state)));
    },
    dir(...args) {
        emit(INFO, args, (args, state) => {
            let depth = args.length > 1 && isObject(args[1]) ? read(args[1], 'depth') : DEPTH_USUAL;
            if (depth === null || depth === Infinity) depth = DEPTH_MAX;
            if (typeof depth !== 'number') depth = DEPTH_USUAL;
            return show(args.length === 0 ? undefined : args[0], state, depth < DEPTH_MAX ? depth : DEPTH_MAX);
        });
    },
    table(...args) { emit(INFO, args, table); },
    count(...args) {
        emit(INFO, args, (args, state) => {
            const label = labelOf(args, state);
            counts[label] = (counts[label] ?? 0) + 1;
            return label + ': ' + counts[label];
        });
    },
    countReset(...args) {
        emit(INFO, args, (args, state) => {
            const label = labelOf(args, state);
            if (counts[label] === undefined) return warning(state, "Count for '" + label + "' does not exist");
            counts[label] = undefined;
        });
    },
    group(...args) {
        if (args.length > 0) emit(INFO, args);
        groups += 1;
    },
    groupCollapsed(...args) {
        if (args.length > 0) emit(INFO, args);
        groups += 1;
    },
    groupEnd() { if (groups > 0) groups -= 1; },
    time(...args) {
        emit(INFO, args, (args, state) => {
            const { label, elapsed } = timed(args, state);
            if (elapsed !== undefined) return warning(state, "Label '" + label + "' already exists for console.time()");
            timers[label] = now();
        });
    },
    timeLog(...args) {
        emit(INFO, args, (args, state) => {
            const { label, elapsed } = timed(args, state);
            if (elapsed === undefined) return warning(state, "No such label '" + label + "' for console.timeLog()");
            args[0] = elapsed;
            return args.length > 1 ? format(args, state) : elapsed;
        });
    },
    timeEnd(...args) {
        emit(INFO, args, (args, state) => {
            const { label, elapsed } = timed(args, state);
            if (elapsed === undefined) return warning(state, "No such label '" + label + "' for console.timeEnd()");
            timers[label] = undefined;
            return elapsed;
        });
    },
    [toStringTag]: 'console',
};
Object.freeze(console);
Reflect.defineProperty(global, 'console', { value: console, writable: true, enumerable: false, configurable: true });
