//! How Rust reads what a script logs, without ever holding it.
//!
//! ```text
//! Reader::own(..).await ──question──▶ native `console` returns it ──▶ `run` in console.js does it
//!        ▲                                                                   │
//!        └──────────────── answer: a primitive, or only what it is ◀─────────┘ keeps the value in a slot
//! ```
//!
//! A question is one number: what to do, the slot of the value to do it with, the slot for what comes of it, and an
//! index. The order of [`Builtin`], [`Key`] and [`Prototype`] is that of the list in console.js.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use isolet_core_traits::NativeValue;

use super::text::{LINE_MAX, Text};

/// What a question is about, by its number in `run`.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// What a builtin answers.
    Call,
    /// An element of a list that scripts do not know.
    Element,
    /// Whether a value is in the same slot of one of several frames.
    IsAmong,
    OwnKeys,
    Json,
    Trace,
    /// What is to be known of an object in the chain of prototypes, and the next one.
    Prototype,
    /// The own property with an index,
    OwnIndex,
    /// with one of the keys that `OwnKeys` gave,
    OwnKey,
    /// or with a name.
    OwnNamed,
}

/// Builtins that are called with one value: as what they are a method of, and as their argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Builtin {
    /// The first of those that read the values of the first prototypes.
    Content = 0,
    /// The first of eight getters.
    RegExpFlag = 12,
    MapEntries = 20,
    SetValues = 21,
    NextOfMap = 22,
    NextOfSet = 23,
    FunctionSource = 24,
    PrototypeOf = 25,
    IsArray = 26,
    Number = 27,
    ParseInt = 28,
    ParseFloat = 29,
}

/// Keys that are asked for by name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    ToStringTag,
    Constructor,
    Prototype,
    Name,
    Message,
    Stack,
    Length,
    Depth,
    Value,
}

impl Key {
    const COUNT: usize = 9;

    fn number(self) -> f64 {
        (Prototype::NAMES.len() + self as usize) as f64
    }
}

/// A builtin's prototype, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prototype(usize);

impl Prototype {
    pub(super) const FUNCTION: Self = Self(12);

    pub(super) const NAMES: [&str; 20] = [
        "Error",
        "Map",
        "Set",
        "Date",
        "RegExp",
        "TypedArray",
        "ArrayBuffer",
        "Number",
        "String",
        "Boolean",
        "Symbol",
        "BigInt",
        "Function",
        "Promise",
        "TypeError",
        "RangeError",
        "ReferenceError",
        "SyntaxError",
        "Array",
        "Object",
    ];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES[self.0]
    }

    /// What values of it are shown as, if that is a way of their own.
    pub(super) fn kind(self) -> Option<Kind> {
        const KINDS: [Kind; 7] =
            [Kind::Error, Kind::Map, Kind::Set, Kind::Date, Kind::RegExp, Kind::TypedArray, Kind::ArrayBuffer];
        KINDS.get(self.0).copied().or((self.0 < 12).then_some(Kind::Boxed(self)))
    }
}

/// Values that are shown in a way of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Map,
    Set,
    Date,
    RegExp,
    TypedArray,
    ArrayBuffer,
    Boxed(Prototype),
}

impl Kind {
    fn content(self) -> usize {
        match self {
            Self::Error => 0,
            Self::Map => 1,
            Self::Set => 2,
            Self::Date => 3,
            Self::RegExp => 4,
            Self::TypedArray => 5,
            Self::ArrayBuffer => 6,
            Self::Boxed(prototype) => prototype.0,
        }
    }
}

/// Where the script keeps a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u16);

/// The slots for looking at one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Frame(u16);

impl Frame {
    /// The slots of a call, whose value is the list of its arguments.
    pub(super) const CALL: Self = Self(0);
    const SLOTS: u16 = 8;
    const MAX: u16 = 512 / Self::SLOTS - 1;

    /// The slots for a value inside this one's.
    pub(super) fn inner(self) -> Result<Self, Thrown> {
        if self.0 < Self::MAX { Ok(Self(self.0 + 1)) } else { Err(Thrown) }
    }

    pub(super) fn value(self) -> Slot {
        Slot(self.0 * Self::SLOTS)
    }

    /// A prototype of the value, and the next one.
    pub(super) fn object(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 1)
    }

    pub(super) fn other_object(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 3)
    }

    /// The keys of the value. The script knows where this is.
    pub(super) fn keys(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 2)
    }

    pub(super) fn iterator(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 4)
    }

    /// Two for what is needed shortly.
    pub(super) fn one(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 5)
    }

    pub(super) fn other(self) -> Slot {
        Slot(self.0 * Self::SLOTS + 6)
    }
}

/// A value as Rust sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Undefined,
    Null,
    Boolean(bool),
    Number(f64, String),
    /// Its digits, unless it has too many.
    BigInt(Option<String>),
    String(Text),
    Symbol(Text),
    Object,
    Function,
}

impl Value {
    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object | Self::Function)
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number, _) = self { Some(*number) } else { None }
    }

    /// The text of a string, nothing of anything else.
    pub(super) fn into_text(self) -> Text {
        if let Self::String(text) = self { text } else { Text::default() }
    }
}

/// An own property, or `undefined` if there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    pub(super) value: Value,
    pub(super) exists: bool,
    pub(super) enumerable: bool,
    pub(super) writable: bool,
    pub(super) getter: bool,
    pub(super) setter: bool,
}

/// Code of the script's threw, or there is no more stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thrown;

pub(super) type Read<T> = Result<T, Thrown>;

/// An answer as it comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// What `typeof` says, or `error`.
    pub(super) kind: String,
    /// The text of a primitive, as much of it as a line can hold.
    pub(super) text: String,
    /// A number, or how long a text is.
    pub(super) number: f64,
    /// Of a property, from the lowest bit: enumerable, writable, has a getter, has a setter, does not exist. Of an object
    /// in a chain of prototypes, in the next bit: is the last one.
    pub(super) flags: f64,
    /// The key of a property, if it is a short string, or the number of a prototype.
    pub(super) name: NativeValue,
}

impl Answer {
    fn property(self) -> Read<Property> {
        let (exists, enumerable, writable) = (!self.is(16), self.is(1), self.is(2));
        let (getter, setter) = (self.is(4), self.is(8));
        Ok(Property { value: self.value()?, exists, enumerable, writable, getter, setter })
    }

    fn is(&self, flag: u32) -> bool {
        self.flags as u32 & flag != 0
    }

    fn value(self) -> Read<Value> {
        let Self { kind, text, number, .. } = self;
        let long = |text| Text::new(text, number);
        Ok(match kind.as_str() {
            "undefined" => Value::Undefined,
            "boolean" => Value::Boolean(text == "true"),
            "number" => Value::Number(number, text),
            "bigint" => Value::BigInt(text.starts_with(|first: char| first != '[').then_some(text)),
            "string" => Value::String(long(text)),
            "symbol" => Value::Symbol(long(text)),
            "object" if text.is_empty() => Value::Object,
            "object" => Value::Null,
            "function" => Value::Function,
            _ => return Err(Thrown),
        })
    }
}

/// What passes between a call and the script that answers it.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange(Arc<Mutex<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    question: Option<f64>,
    answer: Option<Answer>,
}

impl Exchange {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, answer: Answer) {
        self.pending().answer = Some(answer);
    }

    pub(super) fn question(&self) -> Option<f64> {
        self.pending().question.take()
    }

    async fn ask(&self, question: f64) -> Read<Answer> {
        self.pending().question = Some(question);
        let mut asked = false;
        poll_fn(|_| match std::mem::replace(&mut asked, true) {
            false => Poll::Pending,
            true => Poll::Ready(self.pending().answer.take().ok_or(Thrown)),
        })
        .await
    }
}

/// Asks for one thing after another.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Exchange);

impl Reader {
    async fn ask(&self, question: Question, slot: Slot, to: Slot, index: f64) -> Read<Answer> {
        let slots = question as u32 | u32::from(to.0) << 4 | u32::from(slot.0) << 13;
        self.0.ask(f64::from(slots) + index * f64::from(1 << 22)).await
    }

    async fn property(&self, question: Question, slot: Slot, to: Slot, index: f64) -> Read<Property> {
        self.ask(question, slot, to, index).await?.property()
    }

    pub(super) async fn own(&self, slot: Slot, key: Key, to: Slot) -> Read<Property> {
        self.property(Question::OwnNamed, slot, to, key.number()).await
    }

    pub(super) async fn own_index(&self, slot: Slot, index: usize, to: Slot) -> Read<Property> {
        self.property(Question::OwnIndex, slot, to, index as f64).await
    }

    /// Lists the own keys of the frame's value, and says how many there are.
    pub(super) async fn own_keys(&self, frame: Frame) -> Read<usize> {
        let answer = self.ask(Question::OwnKeys, frame.value(), frame.keys(), 0.0).await?;
        if answer.kind == "error" { Err(Thrown) } else { Ok(answer.number as usize) }
    }

    /// The key at `index` of those listed, and its property, whose value goes to the frame inside.
    pub(super) async fn own_key(&self, frame: Frame, index: usize) -> Read<(Value, Property)> {
        let mut answer = self.ask(Question::OwnKey, frame.value(), frame.inner()?.value(), index as f64).await?;
        let key = match std::mem::replace(&mut answer.name, NativeValue::Undefined) {
            NativeValue::String(name) => Value::String(name.as_str().into()),
            _ => self.element(frame.keys(), index, frame.one()).await?,
        };
        Ok((key, answer.property()?))
    }

    /// An element of a list that scripts do not know.
    pub(super) async fn element(&self, list: Slot, index: usize, to: Slot) -> Read<Value> {
        self.ask(Question::Element, list, to, index as f64).await?.value()
    }

    /// An object in the chain of prototypes: which builtin it is, the tag that it has, and whether another one follows,
    /// which goes to a slot.
    pub(super) async fn prototype(&self, slot: Slot, next: Slot) -> Read<(Option<Prototype>, Property, bool)> {
        let answer = self.ask(Question::Prototype, slot, next, Key::ToStringTag.number()).await?;
        let (number, is_last) = (&answer.name, answer.is(32));
        let prototype = match number {
            NativeValue::Number(number) if *number >= 0.0 => Some(*number as usize),
            _ => None,
        };
        let prototype = prototype.filter(|number| *number < Prototype::NAMES.len()).map(Prototype);
        Ok((prototype, answer.property()?, !is_last))
    }

    /// The own property `key` if it is a string, else nothing.
    pub(super) async fn text(&self, slot: Slot, key: Key, to: Slot) -> Read<Text> {
        Ok(self.own(slot, key, to).await?.value.into_text())
    }

    pub(super) async fn call(&self, builtin: Builtin, slot: Slot, to: Slot) -> Read<Value> {
        self.builtin(builtin as usize, slot, to).await
    }

    /// What a value of `kind` holds; throws for one that only pretends.
    pub(super) async fn content(&self, kind: Kind, slot: Slot, to: Slot) -> Read<Value> {
        self.builtin(Builtin::Content as usize + kind.content(), slot, to).await
    }

    pub(super) async fn has_flag(&self, flag: usize, slot: Slot, to: Slot) -> Read<bool> {
        let flag = Builtin::RegExpFlag as usize + flag;
        Ok(self.builtin(flag, slot, to).await? == Value::Boolean(true))
    }

    async fn builtin(&self, number: usize, slot: Slot, to: Slot) -> Read<Value> {
        let index = Prototype::NAMES.len() + Key::COUNT + number;
        self.ask(Question::Call, slot, to, index as f64).await?.value()
    }

    pub(super) async fn are_same(&self, slot: Slot, other: Slot, to: Slot) -> Read<bool> {
        self.is_among(slot, other, other, to).await
    }

    /// Whether the frame's value is one of those around it, down to `outermost`.
    pub(super) async fn is_circular(&self, frame: Frame, outermost: Frame) -> Read<bool> {
        match frame > outermost {
            true => self.is_among(frame.value(), outermost.value(), Frame(frame.0 - 1).value(), frame.one()).await,
            false => Ok(false),
        }
    }

    async fn is_among(&self, slot: Slot, first: Slot, last: Slot, to: Slot) -> Read<bool> {
        let slots = u32::from(first.0) | u32::from(last.0) << 9;
        Ok(self.ask(Question::IsAmong, slot, to, f64::from(slots)).await?.value()? == Value::Boolean(true))
    }

    /// A value as JSON, within budgets of characters and nodes, and what is left of these.
    pub(super) async fn json(&self, slot: Slot, to: Slot, text: i64, nodes: i64) -> Read<(Read<String>, i64, i64)> {
        let budgets = text.clamp(0, LINE_MAX) << 14 | nodes.clamp(0, 0x3FFF);
        let answer = self.ask(Question::Json, slot, to, budgets as f64).await?;
        let json = if answer.kind == "error" { Err(Thrown) } else { Ok(answer.text) };
        Ok((json, answer.number as i64, answer.flags as i64))
    }

    /// The stack at the call.
    pub(super) async fn trace(&self, to: Slot, other: Slot) -> Read<Text> {
        self.ask(Question::Trace, to, to, 0.0).await?.value()?;
        self.text(to, Key::Stack, other).await
    }
}
