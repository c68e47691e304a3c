// crypto: random bytes, digests and HMAC: https://w3c.github.io/webcrypto
const { apply, brand, buffer, kind, byteLength, byteOffset, fill, global: builtin } = own;
const { DOMException, TypeError, Uint8Array } = builtin;
const { text, isObject, needs, tag, sequence, bytes: data } = own.load('common');
const BYTES_MAX = 65536;
const FILLED = {
    __proto__: null, Int8Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, Int16Array: 1, Uint16Array: 1, Int32Array: 1,
    Uint32Array: 1, BigInt64Array: 1, BigUint64Array: 1,
};
const fail = (name, message) => new DOMException(message, name);
const nameOf = (algorithm) => text(isObject(algorithm) ? algorithm.name : algorithm);
const isHmac = (algorithm) => native.isHmac(nameOf(algorithm));
const hashOf = (algorithm) => {
    const name = native.hash(nameOf(algorithm));
    if (name === null) throw fail('NotSupportedError', 'the algorithm is none of SHA-1, SHA-256, SHA-384 and SHA-512');
    return name;
};
const onlyHmac = (algorithm) => {
    if (!isHmac(algorithm)) throw fail('NotSupportedError', 'the algorithm is not HMAC');
};

const KEY = {};
let make, open;
class CryptoKey {
    #bytes; #hash; #extractable; #usages; #algorithm;
    constructor(key, bytes, hash, extractable, usages) {
        if (key !== KEY) throw new TypeError('a CryptoKey comes from crypto.subtle');
        this.#bytes = bytes;
        this.#hash = hash;
        this.#extractable = extractable;
        this.#usages = usages;
        this.#algorithm = { name: 'HMAC', length: apply(byteLength, bytes, []) * 8, hash: { name: hash } };
    }
    get type() { return this.#usages && 'secret'; }
    get extractable() { return this.#extractable; }
    get algorithm() { return this.#algorithm; }
    get usages() { return usageList(this.#usages); }
    static {
        make = (bytes, hash, extractable, usages) => new CryptoKey(KEY, bytes, hash, extractable, usages);
        open = (key, usage) => {
            if (!isObject(key) || !(#bytes in key)) throw new TypeError('the key is no CryptoKey');
            const is = { __proto__: null, bytes: key.#bytes, hash: key.#hash, extractable: key.#extractable };
            if (usage !== 0 && (key.#usages & usage) === 0) {
                throw fail('InvalidAccessError', 'the key is not for this use');
            }
            return is;
        };
    }
}
const SIGN = 1, VERIFY = 2;
const usageList = (usages) => usages === 3 ? ['sign', 'verify'] : usages === SIGN ? ['sign'] : ['verify'];
const usagesOf = (list) => {
    const names = sequence(list);
    let usages = 0;
    for (let at = 0; at < names.length; at += 1) {
        const name = text(names[at]);
        if (name === 'sign') usages |= SIGN;
        else if (name === 'verify') usages |= VERIFY;
        else throw fail('SyntaxError', 'a key for HMAC can sign and verify');
    }
    if (usages === 0) throw fail('SyntaxError', 'a key needs a use: sign, verify or both');
    return usages;
};

class SubtleCrypto {
    constructor(key) { if (key !== KEY) throw new TypeError('there is one SubtleCrypto: crypto.subtle'); }
    async digest(algorithm, input) {
        needs(arguments.length, 2, 'digest');
        const hash = hashOf(algorithm);
        return apply(buffer, native.digest(hash, data(input)), []);
    }
    async importKey(format, keyData, algorithm, extractable, usages) {
        needs(arguments.length, 5, 'importKey');
        if (text(format) !== 'raw') throw fail('NotSupportedError', 'keys are imported as raw bytes');
        onlyHmac(algorithm);
        if (!isObject(algorithm)) throw new TypeError('HMAC needs a hash');
        const hash = hashOf(algorithm.hash), uses = usagesOf(usages), bytes = native.copy(data(keyData));
        if (apply(byteLength, bytes, []) === 0) throw fail('DataError', 'the key has no bytes');
        return make(bytes, hash, !!extractable, uses);
    }
    async exportKey(format, key) {
        needs(arguments.length, 2, 'exportKey');
        const { bytes, extractable } = open(key, 0);
        if (text(format) !== 'raw') throw fail('NotSupportedError', 'keys are exported as raw bytes');
        if (!extractable) throw fail('InvalidAccessError', 'the key is not extractable');
        return apply(buffer, native.copy(bytes), []);
    }
    async generateKey(algorithm, extractable, usages) {
        needs(arguments.length, 3, 'generateKey');
        onlyHmac(algorithm);
        if (!isObject(algorithm)) throw new TypeError('HMAC needs a hash');
        const hash = hashOf(algorithm.hash), uses = usagesOf(usages), { length } = algorithm;
        const bits = length === undefined ? native.block(hash) * 8 : +length;
        if (!(bits > 0 && bits <= BYTES_MAX * 8 && bits % 8 === 0)) {
            throw fail('OperationError', 'the length is no whole number of bytes');
        }
        return make(native.random(bits / 8), hash, !!extractable, uses);
    }
    async sign(algorithm, key, input) {
        needs(arguments.length, 3, 'sign');
        onlyHmac(algorithm);
        const { bytes, hash } = open(key, SIGN);
        return apply(buffer, native.sign(hash, bytes, data(input)), []);
    }
    async verify(algorithm, key, signature, input) {
        needs(arguments.length, 4, 'verify');
        onlyHmac(algorithm);
        const { bytes, hash } = open(key, VERIFY);
        return native.verify(hash, bytes, data(signature), data(input));
    }
}

const subtle = new SubtleCrypto(KEY);
class Crypto {
    #is;
    constructor(key) {
        if (key !== KEY) throw new TypeError('there is one Crypto: crypto');
        this.#is = true;
    }
    get subtle() { return this.#is && subtle; }
    randomUUID() { return this.#is && native.uuid(); }
    getRandomValues(array) {
        needs(arguments.length, 1, 'getRandomValues');
        if (this.#is && brand(array) !== 'TypedArray') throw new TypeError('the argument is no typed array');
        if (FILLED[apply(kind, array, [])] !== 1) throw fail('TypeMismatchError', 'the array is none of integers');
        const count = apply(byteLength, array, []);
        if (count === 0) return array;
        if (count > BYTES_MAX) throw fail('QuotaExceededError', 'at most 65536 bytes are given at once');
        const bytes = new Uint8Array(apply(buffer, array, []), apply(byteOffset, array, []), count);
        apply(fill, bytes, [native.random(count)]);
        return array;
    }
}

tag(Crypto, 'Crypto');
tag(SubtleCrypto, 'SubtleCrypto');
tag(CryptoKey, 'CryptoKey');
return [new Crypto(KEY), Crypto, SubtleCrypto, CryptoKey];
