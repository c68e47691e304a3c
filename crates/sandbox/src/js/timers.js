// setTimeout, setInterval, what ends them, and queueMicrotask.
//
// The timers of a run are a list in the order of their times. The host is asked to wake the run for the first of them
// alone. The engine calls `own.turn` when no job is left to run: it runs the next timer that is due, and tells whether
// there was one. So all microtasks of one timer come before the next timer. Only there the host is asked, so that a run
// that ends before it waits asks for nothing, and one whose timers are cleared waits for nothing.
const { apply, cancel, defineProperty, queueMicrotask, global: { Promise, RangeError, TypeError } } = own;
const TIMERS_MAX = 1000;
const DELAY_MAX = 2147483647;
let first, count = 0, last = 0;
// The time for which the host was asked to wake the run, by which call, and how far it has got in doing so.
let armed = Infinity, asked, reached = 0;

// Has the host wake the run for the first timer, and for no other one.
const arm = async () => {
    const at = first === undefined ? Infinity : first.at;
    if (at === armed) return;
    if (armed !== Infinity) cancel(asked);
    armed = at;
    if (at === Infinity) return;
    const now = native.clock(), woken = host.$timers.sleep(at > now ? at - now : 0);
    asked = cancel();
    // Or `await` would look it up where scripts can patch it.
    defineProperty(woken, 'constructor', { __proto__: null, value: Promise });
    await woken;
    armed = Infinity;
    if (reached < at) reached = at;
};

const insert = (timer) => {
    let before, after = first;
    while (after !== undefined && after.at <= timer.at) after = (before = after).next;
    timer.next = after;
    if (before === undefined) first = timer; else before.next = timer;
    count += 1;
};

const remove = (id) => {
    let before, timer = first;
    while (timer !== undefined && timer.id !== id) timer = (before = timer).next;
    if (timer === undefined) return;
    if (before === undefined) first = timer.next; else before.next = timer.next;
    count -= 1;
};

const check = (callback) => {
    if (typeof callback === 'function') return;
    if (typeof callback === 'string') throw new TypeError('eval is not supported');
    throw new TypeError('the callback is not a function');
};

// What nobody catches ends the run, as a rejection does that nobody handles.
const call = (callback, values) => {
    try {
        apply(callback, undefined, values);
    } catch (error) {
        (async () => { throw error; })();
    }
};

const schedule = (callback, delay, repeats, values) => {
    check(callback);
    let ms = +delay;
    if (!(ms >= 1)) ms = 1;
    if (ms > DELAY_MAX) ms = 1; // As everywhere else: it does not fit into 31 bits.
    ms -= ms % 1;
    if (count >= TIMERS_MAX) throw new RangeError('too many timers: at most 1000 may be pending');
    const id = last += 1;
    const at = native.clock() + ms, every = repeats ? ms : 0;
    insert({ __proto__: null, id, at, every, callback, values, next: undefined });
    return id;
};

own.turn = () => {
    const timer = first, now = native.clock();
    if (timer === undefined || (timer.at > now && timer.at > reached)) {
        arm();
        return false;
    }
    if (timer.at > now) native.advance(timer.at);
    first = timer.next;
    count -= 1;
    if (timer.every > 0) {
        timer.at = (now > timer.at ? now : timer.at) + timer.every;
        insert(timer);
    }
    call(timer.callback, timer.values);
    return true;
};

const clear = (id) => {
    const number = typeof id === 'string' ? +id : id;
    if (typeof number === 'number') remove(number);
};

own.schedule = (callback, ms) => schedule(callback, ms, false, []);

return [
    { setTimeout(callback, delay = 0, ...values) { return schedule(callback, delay, false, values); } }.setTimeout,
    { setInterval(callback, delay = 0, ...values) { return schedule(callback, delay, true, values); } }.setInterval,
    { clearTimeout(id = 0) { clear(id); } }.clearTimeout,
    { clearInterval(id = 0) { clear(id); } }.clearInterval,
    {
        queueMicrotask(callback) {
            check(callback);
            queueMicrotask(() => call(callback, []));
        },
    }.queueMicrotask,
];
