// Intl.ListFormat, Intl.RelativeTimeFormat and Intl.Collator.
const { apply, slice, normalize, global: { Object, RangeError, TypeError } } = own;
const { text, isObject, each, append } = own.load('common');
const { resolve, parts, coerced, choice, flag, matcher, holder, define } = own.load('intl-common');

const ListState = holder();
function ListFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) throw new TypeError('ListFormat needs new');
    const locale = resolve(locales), given = options === undefined ? coerced(options) : options;
    if (!isObject(given)) throw new TypeError('the options are no object');
    matcher(given);
    const type = choice(given, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction');
    const style = choice(given, 'style', ['long', 'short', 'narrow'], 'long');
    // What stands between the first ones, the last two, and two alone.
    let middle = ', ', last = ', ', two = ', ';
    if (type === 'disjunction') {
        last = ', or ';
        two = ' or ';
    } else if (type === 'unit') {
        if (style === 'narrow') middle = last = two = ' ';
    } else if (style !== 'narrow') {
        last = style === 'long' ? ', and ' : ', & ';
        two = style === 'long' ? ' and ' : ' & ';
    }
    new ListState(this, { __proto__: null, locale, type, style, middle, last, two });
}
// Takes a step with each part of a list.
const list = ({ middle, last, two }, values, step) => {
    const items = { __proto__: null, length: 0 };
    if (values !== undefined) {
        each(typeof values === 'string' ? Object(values) : values, (value) => {
            if (typeof value !== 'string') throw new TypeError('a list is made of texts');
            items[items.length++] = value;
        });
    }
    for (let at = 0, count = items.length; at < count; at += 1) {
        if (at > 0) step('literal', count === 2 ? two : at === count - 1 ? last : middle);
        step('element', items[at]);
    }
};
define(ListFormat, 'ListFormat', {
    format(values) {
        let all = '';
        list(ListState.of(this), values, (type, value) => { all += value; });
        return all;
    },
    formatToParts(values) {
        const all = [];
        list(ListState.of(this), values, (type, value) => append(all, { type, value }));
        return all;
    },
    resolvedOptions() {
        const { locale, type, style } = ListState.of(this);
        return { locale, type, style };
    },
});

const RelativeState = holder();
function RelativeTimeFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) throw new TypeError('RelativeTimeFormat needs new');
    const locale = resolve(locales), given = coerced(options);
    matcher(given);
    const style = choice(given, 'style', ['long', 'short', 'narrow'], 'long');
    const numeric = choice(given, 'numeric', ['always', 'auto'], 'always');
    new RelativeState(this, { __proto__: null, locale, style, numeric });
}
const relative = ({ style, numeric }, given, unit, inParts) => {
    const value = +given, name = text(unit);
    if (value - value !== 0) throw new RangeError('the number is not finite');
    const formatted = native.relative(name, style, value, numeric === 'auto', inParts);
    if (formatted === null) throw new RangeError('the unit is none of time');
    return formatted;
};
define(RelativeTimeFormat, 'RelativeTimeFormat', {
    format(value, unit) { return relative(RelativeState.of(this), value, unit, false); },
    formatToParts(value, unit) {
        const state = RelativeState.of(this), number = +value, given = text(unit);
        const all = parts(relative(state, number, given, true));
        // The unit in the singular.
        const name = apply(slice, given, [-1]) === 's' ? apply(slice, given, [0, -1]) : given;
        for (let at = 0; at < all.length; at += 1) {
            if (all[at].type === 'literal') continue;
            const { type, value: shown } = all[at];
            all[at] = { type, value: shown, unit: name };
        }
        return all;
    },
    resolvedOptions() {
        const { locale, style, numeric } = RelativeState.of(this);
        return { locale, style, numeric, numberingSystem: 'latn' };
    },
});

const order = (given) => {
    const usage = choice(given, 'usage', ['sort', 'search'], 'sort');
    matcher(given);
    const numeric = flag(given, 'numeric', false);
    const caseFirst = choice(given, 'caseFirst', ['upper', 'lower', 'false'], 'false');
    const sensitivity = choice(given, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant');
    const ignorePunctuation = flag(given, 'ignorePunctuation', false);
    return { __proto__: null, usage, sensitivity, ignorePunctuation, numeric, caseFirst };
};
const compare = ({ sensitivity, ignorePunctuation, numeric, caseFirst }, left, right) => {
    if (left === right) return 0;
    const isUpperFirst = caseFirst === 'upper';
    const result = native.compare(left, right, sensitivity, numeric, isUpperFirst, ignorePunctuation, false);
    if (result !== null) return result;
    const one = apply(normalize, left, ['NFD']), other = apply(normalize, right, ['NFD']);
    return native.compare(one, other, sensitivity, numeric, isUpperFirst, ignorePunctuation, true);
};

const CollatorState = holder();
function Collator(locales = undefined, options = undefined) {
    if (new.target === undefined) return new Collator(locales, options);
    const locale = resolve(locales), rules = order(coerced(options));
    rules.locale = locale;
    new CollatorState(this, rules);
}
define(Collator, 'Collator', {
    get compare() {
        const rules = CollatorState.of(this);
        return rules.compare ??= (left, right) => {
            const one = text(left);
            return compare(rules, one, text(right));
        };
    },
    resolvedOptions() {
        const { locale, usage, sensitivity, ignorePunctuation, numeric, caseFirst } = CollatorState.of(this);
        return { locale, usage, sensitivity, ignorePunctuation, collation: 'default', numeric, caseFirst };
    },
});

// What a text's localeCompare gives.
const PLAIN = order(coerced(undefined));
const localeCompare = (left, right, locales, options) => {
    if (locales === undefined && options === undefined) return compare(PLAIN, left, right);
    resolve(locales);
    return compare(order(coerced(options)), left, right);
};

return { __proto__: null, ListFormat, RelativeTimeFormat, Collator, localeCompare };
