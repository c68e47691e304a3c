// What the strict policy leaves out.
Proxy;
Reflect;
WeakRef;
FinalizationRegistry;
SharedArrayBuffer;
Atomics;
