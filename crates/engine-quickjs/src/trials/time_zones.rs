//! Local time is UTC whatever the time zone of the process is: what dates show in processes with several, beside what the
//! engine's own dates show.

use std::process::Command;

use crate::dates;
use crate::js::{Js, Terminated};
use crate::realm::Realm;

/// Set in the processes that print.
const PRINTS: &str = "ISOLET_TRIAL_TIME_ZONE";
/// Rules rather than names, for which a system without time zones would take UTC.
const TIME_ZONES: [&str; 4] =
    ["UTC0", "EST5EDT,M3.2.0,M11.1.0", "IST-5:30", "<+1345>-12:45<+1445>,M9.5.0/2:45,M4.1.0/3:45"];

/// A line for each thing that dates show of local time, but for what the engine's own print after the offset.
const SHOWN: &str = r#"
    const lines = [], times = [0, -1, 951782400000, 1143943199999, 1730610000000, -62198755200000, 8.64e15, -8.64e15, NaN];
    const show = (what, make) => {
        let shown;
        try { shown = make() } catch (error) { shown = String(error) }
        if (typeof shown === 'string') shown = shown.replace(' (Coordinated Universal Time)', '');
        lines.push(what + ': ' + (Object.is(shown, -0) ? '-0' : String(shown)));
    };
    const names = Object.getOwnPropertyNames(Date.prototype).filter(name => name !== 'constructor').sort();
    for (const name of names) {
        const method = Date.prototype[name];
        const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(Date.prototype, name);
        lines.push([name, method.name, method.length, writable, enumerable, configurable, method].join());
        show(name + ' of no date', () => method.call({}));
        show(name + ' constructs', () => new method());
        for (const time of times) {
            for (const values of name[0] === 's' ? [[], [1], [99.9, 2], [-1, 0, 40, 61], [NaN], [1, Infinity], [12n], ['7']] : [[]]) {
                const date = new Date(time);
                show(name + ' ' + time + ' ' + values, () => date[name](...values));
                show('then', () => date.getTime());
            }
        }
    }
    const order = [];
    const noted = (value) => ({ valueOf() { order.push(value); return value } });
    class Own extends Date { get [Symbol.toStringTag]() { return 'Own' } }
    for (const make of [
        () => new Date(2024, 1), () => new Date(24, 1, 29), () => new Date(99.9, 0), () => new Date(-1, 0), () => new Date(2024, NaN, 1),
        () => new Date(2024, 1, 29, 12, 30, 45, 678), () => new Date(275760, 8, 13, 0), () => new Date(2024, 2, 10, 2, 30),
        () => new Date(noted(2024), noted(NaN), noted(3)), () => order, () => new Date(2024, 1n), () => new Date(Symbol()),
        () => new Date(1n), () => new Date(undefined), () => new Date(null), () => new Date(true), () => new Date('5'), () => new Date([2024, 3]),
        () => new Date({ [Symbol.toPrimitive](hint) { return hint === 'default' ? '2024-02-03T04:05' : 1 } }),
        () => new Date({ [Symbol.toPrimitive]: null, valueOf() { return '2024-02-03T04:05' } }), () => new Date({ [Symbol.toPrimitive]: 1 }),
        () => new Date({ [Symbol.toPrimitive]() { return {} } }), () => new Date({ valueOf: 1, toString() { return {} } }),
        () => new Date({ valueOf() { return {} }, toString() { return 'Feb 3 2024' } }), () => new Date(Object.create(null)),
        () => new Date({ get valueOf() { throw new RangeError('mine') } }), () => new Date(new String('2024-02-03T04:05')),
        () => new Date(Object.assign(new Date(5), { [Symbol.toPrimitive]() { return 7 }, valueOf() { return 7 } })),
        () => new Own(2024, 1), () => Object.prototype.toString.call(new Own('2024-02-03T04:05')), () => Object.getPrototypeOf(new Own()) === Own.prototype,
        () => Reflect.construct(Date, [2024, 1], Array).length, () => Reflect.construct(Date, ['2024-02-03T04:05'], Own) instanceof Own,
        () => Date.length + Date.name + Date.parse.name + Date.parse.length + Date, () => Date.parse(), () => Date.parse(Symbol()),
        () => Date(2024, 1).slice(0, 33).length, () => typeof Date('x'), () => Date.call({}, 5).slice(25, 33), () => new Date('\ud800').getTime(),
        () => new Date(2024, 0, 1) - new Date(2024, 6, 1), () => JSON.stringify(new Date(2024, 6, 1)), () => new Date(2024, 6, 1) + 1,
    ]) show(make, () => { const made = make(); return made instanceof Date ? [made.getTime(), made].join() : made });
    for (const object of [Date, Date.prototype]) lines.push(Object.getOwnPropertyNames(object).sort().join());

    const parts = ['2001', '-02', '-03', 'T', '04:05', ':06', '.789', 'Z', '+01:00', '-0130', '+5', ' ', 'Feb', 'february', '3', '13', 'PM', 'am',
        '12:30', 'GMT', 'EST', 'utc', '(x)', ')', '/', ',', '-', '+', '-000001', '+275760', '0', '99', 'T24:00', '\u00e9', '\u2212', '\0', 'T1:2', '.'];
    let state = 1;
    const next = (bound) => (state = (state * 48271) % 2147483647) % bound;
    for (let row = 0; row < 6000; row++) {
        const text = Array.from({ length: 1 + next(8) }, () => parts[next(row % 2 ? 11 : parts.length)]).join('');
        show(JSON.stringify(text), () => Date.parse(text));
    }
    for (const text of ['2024-02-03T04:05', '2024-02-03', 'Sat Feb 03 2024 04:05:06 GMT+0100 (CET)', 'Sat, 03 Feb 2024 04:05:06 GMT', '1/2/2024 3:04 PM']) {
        show(text, () => new Date(text).getTime());
        show(text, () => Date.parse(text + ' '.repeat(100) + 'x'.repeat(100)));
    }
    lines.join('\n')"#;

fn shown(js: Js) -> String {
    let compiled = js.compile(&Terminated::new([SHOWN]), c"shown", 0, 1).expect("compiles");
    let value = js.evaluate(compiled).unwrap_or_else(|thrown| js.exception(thrown));
    js.to_string(&value).expect("text")
}

/// What a realm's dates show: the engine's own, and ours.
fn both() -> [String; 2] {
    let mut own = Realm::bare().expect("a realm");
    let mut ours = Realm::bare().expect("a realm");
    dates::find(ours.enter()).expect("they are known");
    dates::use_utc(ours.enter()).expect("they are replaced");
    [shown(own.enter()), shown(ours.enter())]
}

const BEGIN: &str = "\n<<<";
const END: &str = ">>>\n";

/// What [`both`] gives in a process with this time zone.
fn both_in(time_zone: &str) -> [String; 2] {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    let name = "trials::time_zones::local_time_is_utc_in_every_time_zone";
    command.args(["--exact", name, "--nocapture"]).env(PRINTS, "1").env("TZ", time_zone);
    let output = command.output().expect("it runs");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let mut texts = stdout.split(BEGIN).skip(1).map(|text| text.split(END).next().unwrap_or_default().to_owned());
    std::array::from_fn(|_| texts.next().unwrap_or_else(|| panic!("{time_zone}: {stdout}")))
}

#[test]
#[expect(clippy::print_stdout, reason = "it prints for the process that started it")]
fn local_time_is_utc_in_every_time_zone() {
    if std::env::var_os(PRINTS).is_some() {
        both().iter().for_each(|text| print!("{BEGIN}{text}{END}"));
        return;
    }
    let [expected, _] = both_in("UTC0");
    assert!(expected.lines().count() > 6_000, "{expected}");
    for time_zone in TIME_ZONES {
        let [own, ours] = both_in(time_zone);
        for (ours, expected) in ours.lines().zip(expected.lines()) {
            assert_eq!(ours, expected, "{time_zone}");
        }
        assert_eq!(ours.len(), expected.len());
        assert_eq!(own == expected, time_zone == "UTC0", "{time_zone} shows in the engine's own dates");
    }
}
