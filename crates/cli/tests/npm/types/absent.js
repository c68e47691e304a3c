// What no script finds: each is an error.
fetch;
process;
require;
window;
document;
Buffer;
Worker;
setImmediate;
WebAssembly;
localStorage;
