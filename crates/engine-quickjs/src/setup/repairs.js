// A call site must not hand out the functions on the stack, because those of setup scripts, natives and hidden host
// operations are among them. And `Atomics.notify` must not take the process's lock, which nobody would release if the run
// were left or suspended then: no script can wait, so that there is never anybody to notify.
const { getPrototypeOf, getOwnPropertyDescriptor } = Object;
const { load } = Atomics;
const call = Function.prototype.call.bind(Function.prototype.call);
const kind = getOwnPropertyDescriptor(getPrototypeOf(Int32Array.prototype), Symbol.toStringTag).get;
Atomics.notify = {
    notify(typedArray, index, count) {
        const name = call(kind, typedArray);
        if (name !== 'Int32Array' && name !== 'BigInt64Array') throw new TypeError('integer TypedArray expected');
        load(typedArray, index);
        if (count !== undefined) +count;
        return 0;
    },
}.notify;
Error.prepareStackTrace = (error, sites) => {
    const prototype = Object.getPrototypeOf(sites[0]);
    delete prototype.getFunction;
    delete prototype.getThis;
};
new Error();
Error.prepareStackTrace = undefined;
