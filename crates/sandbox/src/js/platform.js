// performance and navigator.
const { global: { TypeError } } = own;
const { tag } = own.load('common');
const KEY = {};
// Both clocks are read at once, so that they agree from here on.
const origin = native.today() - native.now();

class Performance {
    #is;
    constructor(key) {
        if (key !== KEY) throw new TypeError('there is one Performance: performance');
        this.#is = true;
    }
    get timeOrigin() { return this.#is && origin; }
    now() { return this.#is && native.now(); }
    toJSON() { return { timeOrigin: this.timeOrigin }; }
}

class Navigator {
    #is;
    constructor(key) {
        if (key !== KEY) throw new TypeError('there is one Navigator: navigator');
        this.#is = true;
    }
    get userAgent() { return this.#is && 'isolet'; }
}

tag(Performance, 'Performance');
tag(Navigator, 'Navigator');
return [new Performance(KEY), new Navigator(KEY), Performance, Navigator];
