// `Date` by the run's time rather than by the engine's. Evaluated before any script: where the time is fixed, or when the
// VM is made, if nothing could be changed later.
const { apply, construct, defineProperty, getOwnPropertyDescriptor } = global.Reflect;
const { Date: Engine } = global;
const { prototype } = Engine, { toString } = prototype;
const hidden = (value) => ({ __proto__: null, value, writable: true, enumerable: false, configurable: true });

function Date(...parts) {
    if (new.target === undefined) return apply(toString, new Engine(native.today()), []);
    return construct(Engine, parts.length > 0 ? parts : [native.today()], new.target);
}

defineProperty(Date, 'length', { __proto__: null, value: 7 });
defineProperty(Date, 'now', hidden({ now() { return native.today(); } }.now));
defineProperty(Date, 'parse', getOwnPropertyDescriptor(Engine, 'parse'));
defineProperty(Date, 'UTC', getOwnPropertyDescriptor(Engine, 'UTC'));
defineProperty(Date, 'prototype', { __proto__: null, value: prototype, writable: false });
defineProperty(prototype, 'constructor', hidden(Date));
defineProperty(global, 'Date', hidden(Date));
return [];
