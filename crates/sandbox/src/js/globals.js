// The names under which scripts and libraries look for the global object, besides `globalThis`.
global.self = global;
