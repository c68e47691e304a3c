// Event, CustomEvent, EventTarget, AbortController and AbortSignal: https://dom.spec.whatwg.org
//
// There is no tree: an event has one target, at which it is.
const { apply, defineProperty, global: { DOMException, TypeError } } = own;
const { text, isObject, needs, options, tag, sequence } = own.load('common');
// What a listener throws ends the run, as a rejection does that nobody handles.
const report = (error) => { (async () => { throw error; })(); };

let fire, typeOf;
class Event {
    #type; #bubbles; #cancelable; #composed; #at = native.now();
    #target = null; #current = null; #phase = 0; #stopped = false; #ended = false; #prevented = false; #passive = false;
    #trusted = false;

    constructor(type, init = undefined) {
        needs(arguments.length, 1, 'Event');
        this.#type = text(type);
        const { bubbles, cancelable, composed } = options(init);
        this.#bubbles = !!bubbles;
        this.#cancelable = !!cancelable;
        this.#composed = !!composed;
    }
    get type() { return this.#type; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return this.#composed; }
    get target() { return this.#target; }
    get srcElement() { return this.#target; }
    get currentTarget() { return this.#current; }
    get eventPhase() { return this.#phase; }
    get timeStamp() { return this.#at; }
    get isTrusted() { return this.#trusted; }
    get defaultPrevented() { return this.#prevented; }
    get returnValue() { return !this.#prevented; }
    set returnValue(value) { if (this.#cancelable && !this.#passive && !value) this.#prevented = true; }
    get cancelBubble() { return this.#stopped; }
    set cancelBubble(value) { this.#stopped ||= !!value; }
    composedPath() { return this.#current === null ? [] : [this.#current]; }
    preventDefault() { if (this.#cancelable && !this.#passive) this.#prevented = true; }
    stopPropagation() { this.#stopped = true; }
    stopImmediatePropagation() { this.#stopped = this.#ended = true; }

    static {
        // Gives the event to the listeners of a list that is not changed any more; `true` unless it was prevented.
        fire = (event, target, listeners, trusted) => {
            event.#target = event.#current = target;
            event.#phase = 2;
            event.#trusted = trusted;
            for (let at = 0; at < listeners.count && !event.#ended; at += 1) {
                const listener = listeners[at];
                if (listener.removed) continue;
                if (listener.once) listener.remove();
                event.#passive = listener.passive;
                try {
                    const { callback } = listener;
                    if (typeof callback === 'function') apply(callback, target, [event]);
                    else apply(callback.handleEvent, callback, [event]);
                } catch (error) {
                    report(error);
                }
                event.#passive = false;
            }
            event.#phase = 0;
            event.#current = null;
            event.#stopped = event.#ended = false;
            return !event.#prevented;
        };
        // The type of an event that is to be dispatched.
        typeOf = (event) => {
            if (!isObject(event) || !(#type in event)) throw new TypeError('the argument is no Event');
            if (event.#phase !== 0) {
                throw new DOMException('The event is being dispatched already', 'InvalidStateError');
            }
            return event.#type;
        };
        const phases = ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'];
        for (let value = 0; value < 4; value += 1) {
            defineProperty(Event, phases[value], { __proto__: null, value, enumerable: true });
            defineProperty(Event.prototype, phases[value], { __proto__: null, value, enumerable: true });
        }
    }
}
tag(Event, 'Event');

class CustomEvent extends Event {
    #detail;
    constructor(type, init = undefined) {
        needs(arguments.length, 1, 'CustomEvent');
        super(type, init);
        this.#detail = options(init).detail ?? null;
    }
    get detail() { return this.#detail; }
}
tag(CustomEvent, 'CustomEvent');

let emit, follow;
class EventTarget {
    // The first listener, each with the next one.
    #first;

    addEventListener(type, callback, given = undefined) {
        needs(arguments.length, 2, 'addEventListener');
        const name = text(type), isDetailed = isObject(given);
        const capture = !!(isDetailed ? given.capture : given), once = !!(isDetailed && given.once);
        const passive = !!(isDetailed && given.passive), signal = isDetailed ? given.signal : undefined;
        if (signal !== undefined && !isSignal(signal)) throw new TypeError('the signal is no AbortSignal');
        if (callback === null || callback === undefined) return;
        if (!isObject(callback)) throw new TypeError('the listener is neither a function nor an object');
        if (signal !== undefined && signal.aborted) return;
        let last;
        for (let at = this.#first; at !== undefined; at = at.next) {
            if (at.name === name && at.callback === callback && at.capture === capture) return;
            last = at;
        }
        const listener = {
            __proto__: null, name, callback, capture, once, passive, removed: false, next: undefined,
            remove: () => this.#remove(listener),
        };
        if (last === undefined) this.#first = listener; else last.next = listener;
        if (signal !== undefined) follow(signal, listener.remove);
    }

    removeEventListener(type, callback, given = undefined) {
        needs(arguments.length, 2, 'removeEventListener');
        const name = text(type), capture = !!(isObject(given) ? given.capture : given);
        for (let at = this.#first; at !== undefined; at = at.next) {
            if (at.name === name && at.callback === callback && at.capture === capture) return this.#remove(at);
        }
    }

    dispatchEvent(event) {
        needs(arguments.length, 1, 'dispatchEvent');
        return emit(this, event, typeOf(event), false);
    }

    #remove(listener) {
        listener.removed = true;
        let before;
        for (let at = this.#first; at !== undefined; at = at.next) {
            if (at === listener) {
                if (before === undefined) this.#first = at.next; else before.next = at.next;
                return;
            }
            before = at;
        }
    }

    static {
        emit = (target, event, name, trusted) => {
            const listeners = { __proto__: null, count: 0 };
            for (let at = target.#first; at !== undefined; at = at.next) {
                if (at.name === name) listeners[listeners.count++] = at;
            }
            return fire(event, target, listeners, trusted);
        };
    }
}
tag(EventTarget, 'EventTarget');

const KEY = {};
let abort, isSignal;
class AbortSignal extends EventTarget {
    #aborted = false; #reason; #handler = null;
    // What is done before the event, and the signals that abort after it.
    #before = { __proto__: null, count: 0 };
    #after = { __proto__: null, count: 0 };

    constructor(key) {
        if (key !== KEY) throw new TypeError('an AbortSignal comes from an AbortController');
        super();
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    get onabort() { return this.#handler; }
    set onabort(handler) {
        const call = this.#call;
        this.#handler = isObject(handler) ? handler : null;
        apply(removeEventListener, this, ['abort', call]);
        if (this.#handler !== null) apply(addEventListener, this, ['abort', call]);
    }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    #call = (event) => {
        if (typeof this.#handler === 'function') apply(this.#handler, this, [event]);
    };

    static abort(reason = undefined) {
        const signal = new AbortSignal(KEY);
        abort(signal, reason);
        return signal;
    }
    static timeout(ms) {
        needs(arguments.length, 1, 'AbortSignal.timeout');
        const time = +ms;
        if (!(time >= 0 && time <= 9007199254740991)) throw new TypeError('the time is no number of milliseconds');
        const signal = new AbortSignal(KEY);
        own.load('timers');
        const reason = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError');
        own.schedule(() => abort(signal, reason()), time);
        return signal;
    }
    static any(signals) {
        needs(arguments.length, 1, 'AbortSignal.any');
        const list = sequence(signals), any = new AbortSignal(KEY);
        for (let at = 0; at < list.length; at += 1) {
            if (!isSignal(list[at])) throw new TypeError('one of the signals is no AbortSignal');
        }
        for (let at = 0; at < list.length; at += 1) {
            const signal = list[at];
            if (signal.#aborted) {
                any.#aborted = true;
                any.#reason = signal.#reason;
                return any;
            }
        }
        for (let at = 0; at < list.length; at += 1) {
            const after = list[at].#after;
            after[after.count++] = any;
        }
        return any;
    }

    static {
        isSignal = (value) => isObject(value) && #aborted in value;
        follow = (signal, step) => { signal.#before[signal.#before.count++] = step; };
        // For what else ends with a signal: the step is taken with the reason, at once if it is there.
        own.follow = (signal, step) => {
            if (!isSignal(signal)) throw new TypeError('the signal is no AbortSignal');
            if (signal.#aborted) step(signal.#reason); else follow(signal, () => step(signal.#reason));
        };
        // A list of signals rather than calls of calls: a chain of them may be long.
        abort = (first, given) => {
            if (first.#aborted) return;
            const reason = given === undefined
                ? new DOMException('This operation was aborted', 'AbortError') : given;
            let left = { __proto__: null, signal: first, next: undefined };
            while (left !== undefined) {
                const { signal } = left;
                left = left.next;
                if (signal.#aborted) continue;
                signal.#aborted = true;
                signal.#reason = reason;
                const before = signal.#before, after = signal.#after;
                for (let at = 0; at < before.count; at += 1) before[at]();
                before.count = 0;
                emit(signal, new Event('abort'), 'abort', true);
                for (let at = after.count - 1; at >= 0; at -= 1) {
                    left = { __proto__: null, signal: after[at], next: left };
                }
                after.count = 0;
            }
        };
    }
}
tag(AbortSignal, 'AbortSignal');
const { addEventListener, removeEventListener } = EventTarget.prototype;

class AbortController {
    #signal = new AbortSignal(KEY);
    get signal() { return this.#signal; }
    abort(reason = undefined) { abort(this.#signal, reason); }
}
tag(AbortController, 'AbortController');

return [Event, CustomEvent, EventTarget, AbortController, AbortSignal];
