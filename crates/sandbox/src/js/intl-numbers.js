// Intl.NumberFormat and Intl.PluralRules: https://tc39.es/ecma402/#numberformat-objects
const { apply, slice, global: { RangeError, TypeError } } = own;
const { text } = own.load('common');
const { resolve, parts, plain, coerced, choice, whole, matcher, holder, define } = own.load('intl-common');

const MODES = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];

// How many digits are shown. What a kind of digits does not count is undefined.
const digits = (given, fractionMin, fractionMax, isCompact) => {
    const wholeMin = whole(given.minimumIntegerDigits, 'minimumIntegerDigits', 1, 21, 1);
    let { minimumFractionDigits: low, maximumFractionDigits: high } = given;
    let { minimumSignificantDigits: least, maximumSignificantDigits: most } = given;
    const priority = choice(given, 'roundingPriority', ['auto', 'morePrecision', 'lessPrecision'], 'auto');
    if (whole(given.roundingIncrement, 'roundingIncrement', 1, 5000, 1) !== 1) {
        throw new RangeError('the option roundingIncrement is not available here');
    }
    const rounding = choice(given, 'roundingMode', MODES, 'halfExpand');
    const zeros = choice(given, 'trailingZeroDisplay', ['auto', 'stripIfInteger'], 'auto');
    const hasSignificant = least !== undefined || most !== undefined;
    const hasFraction = low !== undefined || high !== undefined;
    const isAuto = priority === 'auto', needsSignificant = !isAuto || hasSignificant;
    const needsFraction = !isAuto || !(hasSignificant || (!hasFraction && isCompact));
    if (needsSignificant) {
        least = whole(least, 'minimumSignificantDigits', 1, 21, 1);
        most = whole(most, 'maximumSignificantDigits', least, 21, 21);
    }
    if (needsFraction) {
        low = whole(low, 'minimumFractionDigits', 0, 20, undefined);
        high = whole(high, 'maximumFractionDigits', 0, 20, undefined);
        if (low === undefined) low = high < fractionMin ? high : fractionMin;
        else if (high === undefined) high = low > fractionMax ? low : fractionMax;
        else if (low > high) throw new RangeError('minimumFractionDigits is more than maximumFractionDigits');
        if (high === undefined) high = fractionMax;
    } else low = high = undefined;
    let kind = isAuto ? hasSignificant ? 'significant' : 'fraction' : priority;
    if (!needsSignificant && !needsFraction) {
        low = high = 0;
        least = 1;
        most = 2;
        kind = 'morePrecision';
    }
    return { __proto__: null, wholeMin, low, high, least, most, kind, rounding, zeros };
};
const digitsSpec = (count) => ',' + count.rounding + ',' + count.kind + ',' + count.wholeMin + ',' + (count.low ?? '') +
    ',' + (count.high ?? '') + ',' + (count.least ?? '') + ',' + (count.most ?? '') + ',' + count.zeros;
const addDigits = (shown, count) => {
    shown.minimumIntegerDigits = count.wholeMin;
    if (count.least !== undefined) {
        shown.minimumSignificantDigits = count.least;
        shown.maximumSignificantDigits = count.most;
    }
    if (count.low !== undefined) {
        shown.minimumFractionDigits = count.low;
        shown.maximumFractionDigits = count.high;
    }
};
const grouped = (given, fallback) => {
    const { useGrouping: value } = given;
    if (value === undefined) return fallback;
    if (value === true) return 'always';
    if (!value) return false;
    const chosen = choice({ __proto__: null, useGrouping: value }, 'useGrouping',
        ['min2', 'auto', 'always', 'true', 'false'], fallback);
    return chosen === 'true' || chosen === 'false' ? fallback : chosen;
};

const settle = (locales, options) => {
    const locale = resolve(locales), given = coerced(options);
    matcher(given);
    const style = choice(given, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
    let { currency } = given, currencyDigits = 0;
    if (currency !== undefined) {
        const found = native.currency(text(currency));
        if (found === null) throw new RangeError('the currency is no code of three letters');
        currency = apply(slice, found, [0, 3]);
        currencyDigits = +apply(slice, found, [3]);
    } else if (style === 'currency') throw new TypeError('the style currency needs the option currency');
    const display = choice(given, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
    const currencySign = choice(given, 'currencySign', ['standard', 'accounting'], 'standard');
    if (style === 'unit') throw new RangeError('the style unit is not available here: add the unit to the number');
    const isCurrency = style === 'currency';
    const notation = choice(given, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
    const isCompact = notation === 'compact';
    if (notation !== 'standard' && !isCompact) {
        throw new RangeError('the notation ' + notation + ' is not available here: use toExponential');
    }
    const low = isCurrency ? currencyDigits : 0, high = isCurrency ? currencyDigits : style === 'percent' ? 0 : 3;
    const count = digits(given, low, high, isCompact);
    const compactDisplay = choice(given, 'compactDisplay', ['short', 'long'], 'short');
    const useGrouping = grouped(given, isCompact ? 'min2' : 'auto');
    const signDisplay = choice(given, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto');
    const spec = style + ',' + (isCurrency ? currency : '') + ',' + display + ',' + currencySign + ',' +
        (isCompact ? compactDisplay : '') + ',' + useGrouping + ',' + signDisplay + digitsSpec(count);
    return {
        __proto__: null, locale, style, currency, display, currencySign, notation, compactDisplay, count, useGrouping,
        signDisplay, spec, format: undefined,
    };
};

// Numbers as they are, BigInts and texts with all of their digits.
const value = (given) => {
    switch (typeof given) {
        case 'number': return given;
        case 'bigint': return text(given);
        case 'string': return given;
    }
    return +given;
};

const NumberState = holder();
function NumberFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) return new NumberFormat(locales, options);
    new NumberState(this, settle(locales, options));
}
define(NumberFormat, 'NumberFormat', {
    get format() {
        const state = NumberState.of(this);
        return state.format ??= (number) => native.number(state.spec, value(number), false);
    },
    formatToParts(number) { return parts(native.number(NumberState.of(this).spec, value(number), true)); },
    resolvedOptions() {
        const state = NumberState.of(this), { style, notation, count } = state;
        const shown = { __proto__: null, locale: state.locale, numberingSystem: 'latn', style };
        if (style === 'currency') {
            shown.currency = state.currency;
            shown.currencyDisplay = state.display;
            shown.currencySign = state.currencySign;
        }
        addDigits(shown, count);
        shown.useGrouping = state.useGrouping;
        shown.notation = notation;
        if (notation === 'compact') shown.compactDisplay = state.compactDisplay;
        shown.signDisplay = state.signDisplay;
        shown.roundingMode = count.rounding;
        shown.roundingIncrement = 1;
        shown.trailingZeroDisplay = count.zeros;
        shown.roundingPriority = count.kind === 'fraction' || count.kind === 'significant' ? 'auto' : count.kind;
        return plain(shown);
    },
});

const PluralState = holder();
function PluralRules(locales = undefined, options = undefined) {
    if (new.target === undefined) throw new TypeError('PluralRules needs new');
    const locale = resolve(locales), given = coerced(options);
    matcher(given);
    const type = choice(given, 'type', ['cardinal', 'ordinal'], 'cardinal'), count = digits(given, 0, 3, false);
    const spec = 'decimal,,,,,false,never' + digitsSpec(count);
    new PluralState(this, { __proto__: null, locale, type, count, spec });
}
define(PluralRules, 'PluralRules', {
    select(number) {
        const { spec, type } = PluralState.of(this);
        return native.plural(spec, +number, type === 'ordinal');
    },
    resolvedOptions() {
        const { locale, type, count } = PluralState.of(this), shown = { __proto__: null, locale, type };
        addDigits(shown, count);
        shown.pluralCategories = type === 'ordinal' ? ['few', 'one', 'two', 'other'] : ['one', 'other'];
        return plain(shown);
    },
});

// What a number's toLocaleString gives.
const format = (number, locales, options) => native.number(settle(locales, options).spec, value(number), false);

return { __proto__: null, NumberFormat, PluralRules, format };
