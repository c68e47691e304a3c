//! Dates, whose local time is ours: conversions that run code, objects that are none, builtins that are patched.

use super::*;

pub(super) const ROWS: &[Escape] = &[
    row(
        "methods of dates on what only inherits from one",
        "const { prototype } = Date, looksLikeOne = Object.create(new Date(0)); \
         Object.getOwnPropertyNames(prototype).filter((name) => { try { prototype[name].call(looksLikeOne); return \
         true } catch (error) { return !(error instanceof TypeError) } })",
        Gives(r#"["constructor"]"#),
    ),
    row(
        "what is behind a method of dates",
        "const { getHours, setYear, toString } = Date.prototype; [getHours, setYear, toString, \
         Date.parse].map((method) => { try { return new method() } catch (error) { return [error.name, \
         Object.getOwnPropertyNames(method).sort().join(), /native code/.test(method)] } })",
        Gives(
            r#"[["TypeError","length,name",true],["TypeError","length,name",true],["TypeError","length,name",true],["TypeError","length,name",true]]"#,
        ),
    ),
    row(
        "a year whose conversion changes the date",
        "const date = new Date(0); date.setYear({ valueOf() { date.setTime(NaN); return 5 } }); date.getTime()",
        Gives("-2051222400000"),
    ),
    on(
        STANDARD,
        "a date by patched builtins",
        "Date.parse = Date.UTC = Date.now = () => 7; const { prototype } = Date; for (const name of \
         Object.getOwnPropertyNames(prototype)) if (/UTC|Time$|valueOf/.test(name)) prototype[name] = () => 9; delete \
         prototype[Symbol.toPrimitive]; [new Date('2024-02-03T04:05'), new Date(2024, 1)].map((date) => \
         [date.getFullYear(), date.getDay(), String(date)])",
        Gives(
            r#"[[2024,6,"Sat Feb 03 2024 04:05:00 GMT+0000 (Coordinated Universal Time)"],[2024,4,"Thu Feb 01 2024 00:00:00 GMT+0000 (Coordinated Universal Time)"]]"#,
        ),
    ),
    on(
        STANDARD,
        "a primitive that everything inherits",
        "const hints = []; Object.prototype[Symbol.toPrimitive] = (hint) => { hints.push(hint); return \
         '2024-02-03T04:05' }; [new Date({}).getTime(), new Date([]).getTime(), new Date(new Date(9)).getTime(), \
         hints]",
        Gives(r#"[1706933100000,1706933100000,9,["default","default"]]"#),
    ),
    on(
        STANDARD,
        "a date for a constructor that is none",
        "const made = (get) => { const target = function () {}.bind(); Object.defineProperty(target, 'prototype', { get \
         }); try { const date = Reflect.construct(Date, ['2024-02-03T04:05'], target); return \
         [Object.getPrototypeOf(date) === Date.prototype, date.getTime()] } catch (error) { return error.message } }; \
         [made(() => 5), made(() => { throw new Error('mine') })]",
        Gives(r#"[[true,1706933100000],"mine"]"#),
    ),
    row(
        "megabytes that are no date",
        "['x', ' ', '(', '1', '2024-01-01T00:00:00.0'].map((text) => Date.parse(text.repeat(1e6 / text.length)))",
        Gives("[null,null,null,null,null]"),
    ),
    row(
        "a date whose conversion makes dates without end",
        "let depth = 0; const value = { valueOf() { depth += 1; return new Date(value).getTime() } }; try { new \
         Date(value) } catch (error) { [error.name, depth > 10] }",
        Gives(r#"["RangeError",true]"#),
    ),
    row(
        "a date where the stack ends",
        "const f = () => { try { return f() } catch { return String(new Date(2024, 1)) } }; f().slice(0, 15)",
        Gives(r#""Thu Feb 01 2024""#),
    ),
    row("dates without end", "for (;;) new Date('2024-02-03T04:05').toString()", TimesOut),
];
