// TextEncoder and TextDecoder: https://encoding.spec.whatwg.org
const { apply, brand, slice, length, kind, fill, global: { TypeError, RangeError } } = own;
const { text, options, tag, bytes } = own.load('common');

class TextEncoder {
    #is = true;

    get encoding() { return this.#is && 'utf-8'; }
    encode(input = '') { return this.#is && native.encode(text(input)); }
    encodeInto(source, destination) {
        if (this.#is && brand(destination) !== 'TypedArray' || apply(kind, destination, []) !== 'Uint8Array') {
            throw new TypeError('the destination is no Uint8Array');
        }
        const input = text(source), read = native.fits(input, apply(length, destination, []));
        if (read === 0) return { read, written: 0 };
        const encoded = native.encode(apply(slice, input, [0, read]));
        apply(fill, destination, [encoded]);
        return { read, written: apply(length, encoded, []) };
    }
}

class TextDecoder {
    #encoding; #fatal; #ignoreBOM;
    // The number of the decoder that waits for more, in the run's own list.
    #decoder;

    constructor(label = 'utf-8', init = undefined) {
        const name = native.encoding(text(label));
        if (name === null) throw new RangeError('the encoding is not known');
        const { fatal, ignoreBOM } = options(init);
        this.#encoding = name;
        this.#fatal = !!fatal;
        this.#ignoreBOM = !!ignoreBOM;
    }
    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(input = undefined, init = undefined) {
        const stream = !!options(init).stream, data = input === undefined ? undefined : bytes(input);
        this.#decoder ??= native.decoder(this.#encoding, this.#ignoreBOM);
        const decoder = this.#decoder;
        if (!stream) this.#decoder = undefined;
        const decoded = native.decode(decoder, data, this.#fatal, !stream);
        if (decoded !== null) return decoded;
        this.#decoder = undefined;
        throw new TypeError('the bytes are not valid in this encoding');
    }
}

tag(TextEncoder, 'TextEncoder');
tag(TextDecoder, 'TextDecoder');
return [TextEncoder, TextDecoder];
