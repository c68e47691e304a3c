// Intl.DateTimeFormat, in UTC alone: https://tc39.es/ecma402/#datetimeformat-objects
const { apply, getTime, global: { RangeError, TypeError }, brand } = own;
const { text } = own.load('common');
const { resolve, parts, plain, coerced, choice, flag, whole, matcher, holder, define } = own.load('intl-common');

const NAMES = ['narrow', 'short', 'long'], NUMBERS = ['2-digit', 'numeric'];
const ZONES = ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'];
const STYLES = ['full', 'long', 'medium', 'short'];
// In the order in which they are shown.
const FIELDS = [
    ['weekday', NAMES], ['era', NAMES], ['year', NUMBERS], ['month', ['2-digit', 'numeric', 'narrow', 'short', 'long']],
    ['day', NUMBERS], ['dayPeriod', NAMES], ['hour', NUMBERS], ['minute', NUMBERS], ['second', NUMBERS],
];

// `wanted` is what a date has to show, and `added` what is shown if it does not: any, date, time or all.
const settle = (locales, options, wanted, added) => {
    const locale = resolve(locales), given = coerced(options);
    matcher(given);
    const hour12 = flag(given, 'hour12', undefined);
    const hourCycle = choice(given, 'hourCycle', ['h11', 'h12', 'h23', 'h24'], undefined);
    zone(given.timeZone);
    const shown = { __proto__: null };
    let has = false, hasAny = false;
    for (let at = 0; at < FIELDS.length; at += 1) {
        const name = FIELDS[at][0], form = choice(given, name, FIELDS[at][1], undefined);
        shown[name] = form;
        if (form === undefined) continue;
        hasAny = true;
        if (name === 'era') continue;
        has ||= wanted === 'any' || (wanted === 'date') === at < 5;
    }
    const fraction = whole(given.fractionalSecondDigits, 'fractionalSecondDigits', 1, 3, undefined);
    if (fraction !== undefined) {
        hasAny = true;
        has ||= wanted !== 'date';
    }
    const timeZoneName = choice(given, 'timeZoneName', ZONES, undefined);
    choice(given, 'formatMatcher', ['basic', 'best fit'], 'best fit');
    const dateStyle = choice(given, 'dateStyle', STYLES, undefined);
    const timeStyle = choice(given, 'timeStyle', STYLES, undefined);
    if (dateStyle !== undefined || timeStyle !== undefined) {
        if (hasAny || timeZoneName !== undefined) throw new TypeError('styles of dates take no single fields');
        if (wanted === 'date' && timeStyle !== undefined) throw new TypeError('a date has no timeStyle');
        if (wanted === 'time' && dateStyle !== undefined) throw new TypeError('a time has no dateStyle');
    } else if (!has) {
        if (added !== 'time') shown.year = shown.month = shown.day = 'numeric';
        if (added !== 'date') shown.hour = shown.minute = shown.second = 'numeric';
    }
    const hasHour = shown.hour !== undefined || timeStyle !== undefined;
    const cycle = hour12 === undefined ? hourCycle ?? 'h12' : hour12 ? 'h12' : 'h24';
    let spec = (dateStyle ?? '') + ',' + (timeStyle ?? '');
    for (let at = 0; at < FIELDS.length; at += 1) spec += ',' + (shown[FIELDS[at][0]] ?? '');
    spec += ',' + (fraction ?? '') + ',' + (timeZoneName ?? '') + ',' + cycle;
    return {
        __proto__: null, locale, shown, fraction, timeZoneName, dateStyle, timeStyle, spec, format: undefined,
        cycle: hasHour ? cycle : undefined,
    };
};

// Refuses all time zones but UTC, under any of its names.
const zone = (given) => {
    if (given === undefined) return;
    if (native.isUtc(text(given))) return;
    throw new RangeError('the time zone is not available here: dates are formatted in UTC alone');
};

const moment = (given) => {
    if (given === undefined) return native.today();
    return +(brand(given) === 'Date' ? apply(getTime, given, []) : given);
};

const State = holder();
function DateTimeFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) return new DateTimeFormat(locales, options);
    new State(this, settle(locales, options, 'any', 'date'));
}
define(DateTimeFormat, 'DateTimeFormat', {
    get format() {
        const state = State.of(this);
        return state.format ??= (date) => native.date(state.spec, moment(date), false);
    },
    formatToParts(date) { return parts(native.date(State.of(this).spec, moment(date), true)); },
    resolvedOptions() {
        const { locale, shown, fraction, timeZoneName, dateStyle, timeStyle, cycle } = State.of(this);
        const all = { __proto__: null, locale, calendar: 'gregory', numberingSystem: 'latn', timeZone: 'UTC' };
        if (cycle !== undefined) {
            all.hourCycle = cycle;
            all.hour12 = cycle === 'h12' || cycle === 'h11';
        }
        for (let at = 0; at < FIELDS.length; at += 1) {
            const name = FIELDS[at][0];
            if (shown[name] !== undefined) all[name] = form(name, shown, cycle);
        }
        if (fraction !== undefined) all.fractionalSecondDigits = fraction;
        if (timeZoneName !== undefined) all.timeZoneName = timeZoneName;
        if (dateStyle !== undefined) all.dateStyle = dateStyle;
        if (timeStyle !== undefined) all.timeStyle = timeStyle;
        return plain(all);
    },
});
// The form in which a field is shown.
const form = (name, shown, cycle) => {
    const { hour, minute, second } = shown;
    if (name === 'hour' && (cycle === 'h23' || cycle === 'h24')) return '2-digit';
    if (name === 'minute') return hour === undefined && second === undefined ? 'numeric' : '2-digit';
    if (name === 'second') return minute === undefined ? 'numeric' : '2-digit';
    return shown[name];
};

// What a date's toLocaleString and its like give.
const format = (date, locales, options, wanted, added) => {
    const ms = apply(getTime, date, []), { spec } = settle(locales, options, wanted, added);
    return ms === ms ? native.date(spec, ms, false) : 'Invalid Date';
};

return { __proto__: null, DateTimeFormat, format };
