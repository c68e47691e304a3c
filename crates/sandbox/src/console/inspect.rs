//! How `console` shows values: as Node does, for people.
//!
//! Work is bounded for each call: [`NODES_MAX`] properties and items, [`LINE_MAX`] characters, and less for a single
//! list or text. What is beyond is counted or left out.

use std::pin::Pin;

use super::reader::{Builtin, Frame, Key, Kind, Property, Prototype, Read, Reader, Slot, Thrown, Value};
use super::text::{Braces, Text, counted, indented, iso, layout, units};

/// Properties and items of one call.
pub(super) const NODES_MAX: i64 = 10_000;
/// Items of one array, Map or Set.
pub(super) const ITEMS_MAX: usize = 100;
/// Prototypes of one value.
const STEPS_MAX: usize = 50;
/// Nested objects that are shown.
pub(super) const DEPTH_USUAL: f64 = 2.0;

const REG_EXP_FLAGS: &str = "dgimsuvy";
const UNREADABLE: &str = "[unreadable]";

/// Reads and shows the values of one call.
#[derive(Debug)]
pub(super) struct Inspector {
    pub(super) reader: Reader,
    /// Properties and items that may still be read.
    pub(super) nodes: i64,
    /// Characters that may still be shown.
    pub(super) text: i64,
    pub(super) depth: f64,
}

/// Where in what is shown a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) level: u32,
    pub(super) indent: usize,
    /// The outermost of the objects around it.
    pub(super) root: Frame,
}

impl Place {
    fn inner(self) -> Self {
        Self { level: self.level + 1, indent: self.indent + 2, root: self.root }
    }
}

/// What is known of an object before its entries are read.
#[derive(Debug)]
pub(super) struct Shape {
    /// The nearest builtin that is shown in a way of its own.
    pub(super) kind: Option<Kind>,
    name: Text,
    tag: Text,
    /// What stands for the object if it has no entries.
    base: String,
    items: Items,
    size: Option<f64>,
    /// Whether its keys are shown.
    keys: bool,
    is_error: bool,
    is_array: bool,
}

/// What an object lists besides its properties.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Items {
    None,
    Array,
    TypedArray,
    Map,
    Set,
    Bytes,
}

/// How many of an object's own keys have been looked at, and how many not.
struct Keys {
    next: usize,
    count: usize,
}

/// What the entries of an object are is known when they are read: a future of its own for each object.
type Nested<'a> = Pin<Box<dyn Future<Output = Read<String>> + Send + 'a>>;

impl Inspector {
    /// Takes another node from the budget. `true` if there is none.
    pub(super) fn is_spent(&mut self) -> bool {
        self.nodes -= 1;
        self.nodes < 0 || self.text <= 0
    }

    pub(super) fn clip(&mut self, text: &Text) -> String {
        self.text -= text.length;
        text.clipped()
    }

    /// A value in the slot of `frame`, as a line or several.
    pub(super) async fn show(&mut self, frame: Frame, value: &Value, place: Place) -> String {
        if value.is_object() {
            let shown = self.object(frame, *value == Value::Function, place).await;
            return shown.unwrap_or_else(|Thrown| UNREADABLE.to_owned());
        }
        let text = self.primitive(value);
        self.text -= units(&text);
        text
    }

    /// What is no object, as a literal.
    pub(super) fn primitive(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => text.quoted(),
            Value::Number(number, _) if *number == 0.0 && number.is_sign_negative() => "-0".to_owned(),
            Value::Number(_, text) => text.clone(),
            Value::BigInt(digits) => digits.as_ref().map_or("[BigInt]".to_owned(), |digits| format!("{digits}n")),
            Value::Symbol(text) => self.clip(text),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Null => "null".to_owned(),
            Value::Undefined | Value::Object | Value::Function => "undefined".to_owned(),
        }
    }

    /// A property whose value is in the slot of `frame`.
    pub(super) async fn property(&mut self, frame: Frame, property: &Property, place: Place) -> String {
        match (property.getter, property.setter) {
            (false, false) => self.show(frame, &property.value, place).await,
            (true, false) => "[Getter]".to_owned(),
            (false, true) => "[Setter]".to_owned(),
            (true, true) => "[Getter/Setter]".to_owned(),
        }
    }

    fn object(&mut self, frame: Frame, is_function: bool, place: Place) -> Nested<'_> {
        Box::pin(self.read_object(frame, is_function, place))
    }

    async fn read_object(&mut self, frame: Frame, is_function: bool, place: Place) -> Read<String> {
        if self.nodes <= 0 || self.text <= 0 {
            return Ok(if is_function { "[Function]" } else { "[Object]" }.to_owned());
        }
        if self.reader.is_circular(frame, place.root).await? {
            return Ok("[Circular]".to_owned());
        }
        let is_array = self.is_array(frame).await?;
        let mut shape = self.shape(frame, is_array).await?;
        match shape.kind {
            _ if is_function => shape.base = self.function(frame, &shape).await?,
            _ if is_array => {
                let length = self.reader.own(frame.value(), Key::Length, frame.one()).await?.value.number();
                shape.items = Items::Array;
                shape.keys = length.is_some_and(|length| length <= ITEMS_MAX as f64);
                shape.size = Some(length.unwrap_or(0.0));
            }
            Some(kind) => {
                // What throws only inherits from a builtin: it is an object like others.
                let _ = self.special(frame, kind, &mut shape).await;
            }
            None => {}
        }
        self.assemble(frame, shape, place).await
    }

    pub(super) async fn is_array(&mut self, frame: Frame) -> Read<bool> {
        Ok(self.reader.call(Builtin::IsArray, frame.value(), frame.one()).await? == Value::Boolean(true))
    }

    /// Walks the prototypes for the nearest builtin, the class's name and the tag.
    pub(super) async fn shape(&mut self, frame: Frame, is_array: bool) -> Read<Shape> {
        let (mut kind, mut name, mut tag) = (None, Text::default(), Text::default());
        let mut object = frame.value();
        for step in 0..STEPS_MAX {
            // The step before left it there.
            let next = if step % 2 == 0 { frame.object() } else { frame.other_object() };
            let (builtin, property, has_next) = self.reader.prototype(object, next).await?;
            kind = kind.or(builtin.and_then(Prototype::kind));
            if tag.is_empty() && (step > 0 || !property.enumerable) {
                tag = property.value.into_text();
            }
            if step > 0 && name.is_empty() {
                name = match builtin {
                    Some(builtin) => builtin.name().into(),
                    None => self.class_name(frame, object).await?,
                };
            }
            if !has_next {
                break;
            }
            object = next;
        }
        let (base, items, size) = (String::new(), Items::None, None);
        Ok(Shape { kind, name, tag, base, items, size, keys: true, is_error: false, is_array })
    }

    async fn class_name(&mut self, frame: Frame, prototype: Slot) -> Read<Text> {
        let constructor = self.reader.own(prototype, Key::Constructor, frame.one()).await?;
        if constructor.value != Value::Function {
            return Ok(Text::default());
        }
        self.reader.own(frame.one(), Key::Prototype, frame.other()).await?;
        match self.reader.are_same(prototype, frame.other(), frame.other()).await? {
            true => self.reader.text(frame.one(), Key::Name, frame.other()).await,
            false => Ok(Text::default()),
        }
    }

    async fn function(&mut self, frame: Frame, shape: &Shape) -> Read<String> {
        let name = self.reader.text(frame.value(), Key::Name, frame.one()).await?;
        let name = self.clip(&name);
        let prototype = self.reader.own(frame.value(), Key::Prototype, frame.one()).await?;
        // So it is a class or a builtin.
        let is_fixed = prototype.exists && !prototype.writable && !prototype.getter && !prototype.setter;
        if is_fixed {
            let source = self.reader.call(Builtin::FunctionSource, frame.value(), frame.one()).await?.into_text();
            self.text -= source.length;
            if source.shown.starts_with("class") {
                let name = if name.is_empty() { "(anonymous)" } else { &name };
                return Ok(match self.base_class(frame).await? {
                    base if base.is_empty() => format!("[class {name}]"),
                    base => format!("[class {name} extends {base}]"),
                });
            }
        }
        let kind = if shape.name.is_empty() { "Function" } else { &shape.name.shown };
        Ok(match name.is_empty() {
            true => format!("[{kind} (anonymous)]"),
            false => format!("[{kind}: {name}]"),
        })
    }

    async fn base_class(&mut self, frame: Frame) -> Read<String> {
        if self.reader.call(Builtin::PrototypeOf, frame.value(), frame.object()).await? == Value::Null {
            return Ok("null".to_owned());
        }
        let (base, ..) = self.reader.prototype(frame.object(), frame.one()).await?;
        if base == Some(Prototype::FUNCTION) {
            return Ok(String::new());
        }
        let name = self.reader.text(frame.object(), Key::Name, frame.one()).await?;
        Ok(self.clip(&name))
    }

    /// Completes the shape of what looks like a builtin's value. Changes nothing if that throws.
    async fn special(&mut self, frame: Frame, kind: Kind, shape: &mut Shape) -> Read<()> {
        let content = self.reader.content(kind, frame.value(), frame.one()).await?;
        match kind {
            Kind::Error => {
                shape.base = self.error(frame, content, shape).await?;
                shape.is_error = true;
            }
            Kind::Map | Kind::Set => {
                let (builtin, items) = match kind {
                    Kind::Map => (Builtin::MapEntries, Items::Map),
                    _ => (Builtin::SetValues, Items::Set),
                };
                self.reader.call(builtin, frame.value(), frame.iterator()).await?;
                (shape.items, shape.size) = (items, content.number());
            }
            Kind::Date => shape.base = content.number().and_then(iso).unwrap_or_else(|| "Invalid Date".to_owned()),
            Kind::RegExp => {
                let mut flags = String::new();
                for (number, flag) in REG_EXP_FLAGS.chars().enumerate() {
                    if self.reader.has_flag(number, frame.value(), frame.one()).await? {
                        flags.push(flag);
                    }
                }
                shape.base = format!("/{}/{flags}", self.clip(&content.into_text()));
            }
            Kind::TypedArray => (shape.items, shape.size, shape.keys) = (Items::TypedArray, content.number(), false),
            Kind::ArrayBuffer => {
                shape.items = Items::Bytes;
                shape.base = self.primitive(&content);
            }
            Kind::Boxed(_) => {
                shape.base = format!("[{}: {}]", shape.name.shown, self.primitive(&content));
                shape.keys = !matches!(content, Value::String(_));
            }
        }
        Ok(())
    }

    async fn error(&mut self, frame: Frame, content: Value, shape: &Shape) -> Read<String> {
        let (mut name, mut message) = (Text::default(), Text::default());
        let mut object = frame.value();
        for _ in 0..STEPS_MAX {
            if name.is_empty() {
                name = self.reader.text(object, Key::Name, frame.one()).await?;
            }
            if message.is_empty() {
                message = self.reader.text(object, Key::Message, frame.one()).await?;
            }
            if self.reader.call(Builtin::PrototypeOf, object, frame.object()).await? == Value::Null {
                break;
            }
            object = frame.object();
        }
        if name.shown == "Error" && !shape.name.is_empty() {
            name = shape.name.clone();
        }
        if !message.is_empty() {
            name = Text { shown: name.shown + ": " + &message.shown, length: name.length + 2 + message.length };
        }
        let head = self.clip(&name);
        let stack = match self.reader.own(frame.value(), Key::Stack, frame.one()).await?.value {
            Value::Undefined | Value::Null => content,
            stack => stack,
        };
        let frames = self.frames(&stack.into_text());
        Ok(if frames.is_empty() { format!("[{head}]") } else { format!("{head}\n{frames}") })
    }

    /// The frames of a stack, without what stands before them.
    pub(super) fn frames(&mut self, stack: &Text) -> String {
        let Some(at) = stack.shown.find("    at ") else { return String::new() };
        let frames = &stack.shown[at..];
        self.clip(&frames.strip_suffix('\n').unwrap_or(frames).into())
    }

    async fn assemble(&mut self, frame: Frame, shape: Shape, place: Place) -> Read<String> {
        let usual = if shape.is_array { "Array" } else { "Object" };
        let size =
            shape.size.filter(|size| size.is_nan() || *size >= 0.0).map_or(String::new(), |size| format!("({size})"));
        let name = self.clip(&shape.name);
        let is_bytes = shape.items == Items::Bytes;
        let base = if is_bytes { String::new() } else { indented(&shape.base, place.indent) };
        let tag = match shape.tag.is_empty() || shape.tag.shown == name {
            true => String::new(),
            false => format!(" [{}]", self.clip(&shape.tag)),
        };
        let mut open = match () {
            () if !base.is_empty() => format!("{base} "),
            () if name == usual && tag.is_empty() => String::new(),
            () if name.is_empty() => format!("[{usual}{size}: null prototype]{tag} "),
            () => format!("{name}{size}{tag} "),
        };
        if f64::from(place.level) > self.depth && self.has_entries(frame, &shape).await? {
            return Ok(match () {
                () if !base.is_empty() => base,
                () if name.is_empty() => format!("[{usual}: null prototype]"),
                () => format!("[{name}{tag}]"),
            });
        }
        let mut entries = Vec::new();
        let listed = match is_bytes {
            true => {
                entries.push(format!("byteLength: {}", shape.base));
                0
            }
            false => self.items(frame, &shape, place.inner(), &mut entries).await?,
        };
        if shape.keys {
            self.entries(frame, &shape, listed, place.inner(), &mut entries).await?;
        }
        if entries.is_empty() && !base.is_empty() {
            return Ok(base);
        }
        let packs = matches!(shape.items, Items::Array | Items::TypedArray);
        let (opening, close) = if packs { ('[', ']') } else { ('{', '}') };
        open.push(opening);
        Ok(layout(Braces { open, close, packs }, &entries, place.indent))
    }

    async fn has_entries(&mut self, frame: Frame, shape: &Shape) -> Read<bool> {
        if shape.size.is_some_and(|size| size > 0.0) {
            return Ok(true);
        }
        if !shape.keys {
            return Ok(false);
        }
        let mut keys = self.keys(frame, 0).await?;
        let found = self.next_property(frame, shape.is_error, &mut keys).await?.is_some();
        self.account(&keys);
        Ok(found)
    }

    /// Adds what the object lists. Answers how many of its keys that were.
    async fn items(&mut self, frame: Frame, shape: &Shape, place: Place, entries: &mut Vec<String>) -> Read<usize> {
        let size = shape.size.unwrap_or(-1.0);
        let (mut at, mut listed, mut holes) = (0, 0, 0);
        while (at as f64) < size && at < ITEMS_MAX && !self.is_spent() {
            match self.item(frame, shape.items, at, place).await? {
                None => holes += 1,
                Some(item) => {
                    flush(entries, &mut holes);
                    entries.push(item);
                    listed += usize::from(shape.is_array);
                }
            }
            at += 1;
        }
        flush(entries, &mut holes);
        if (at as f64) < size {
            entries.push(format!("... {}", counted(size - at as f64, "more item")));
        }
        Ok(listed)
    }

    /// The item at `at`, or `None` for a hole.
    async fn item(&mut self, frame: Frame, items: Items, at: usize, place: Place) -> Read<Option<String>> {
        let (inner, one, other) = (frame.inner()?, frame.one(), frame.other());
        if matches!(items, Items::Array | Items::TypedArray) {
            let property = self.reader.own_index(frame.value(), at, inner.value()).await?;
            return Ok(if property.exists { Some(self.property(inner, &property, place).await) } else { None });
        }
        let next = if items == Items::Map { Builtin::NextOfMap } else { Builtin::NextOfSet };
        self.reader.call(next, frame.iterator(), one).await?;
        if items == Items::Set {
            let item = self.reader.own(one, Key::Value, inner.value()).await?;
            return Ok(Some(self.show(inner, &item.value, place).await));
        }
        self.reader.own(one, Key::Value, other).await?;
        let key = self.reader.element(other, 0, inner.value()).await?;
        let key = self.show(inner, &key, place).await;
        let value = self.reader.element(other, 1, inner.value()).await?;
        Ok(Some(format!("{key} => {}", self.show(inner, &value, place).await)))
    }

    async fn entries(
        &mut self,
        frame: Frame,
        shape: &Shape,
        listed: usize,
        place: Place,
        entries: &mut Vec<String>,
    ) -> Read<()> {
        let inner = frame.inner()?;
        let mut keys = self.keys(frame, listed).await?;
        while let Some((label, property)) = self.next_property(frame, shape.is_error, &mut keys).await? {
            entries.push(format!("{label}: {}", self.property(inner, &property, place).await));
        }
        self.account(&keys);
        let left = keys.count.saturating_sub(keys.next);
        if left > 0 && !shape.is_array {
            entries.push(format!("... {}", counted(left as f64, "more property")));
        }
        Ok(())
    }

    async fn keys(&mut self, frame: Frame, next: usize) -> Read<Keys> {
        Ok(Keys { next, count: self.reader.own_keys(frame).await? })
    }

    /// Listing the keys of a large object is work, too.
    fn account(&mut self, keys: &Keys) {
        self.nodes -= keys.count as i64 >> 4;
    }

    /// The next property that is shown, its value in the slot of the frame inside, with its label. `None` if there is
    /// none, or the budget is spent.
    async fn next_property(
        &mut self,
        frame: Frame,
        is_error: bool,
        keys: &mut Keys,
    ) -> Read<Option<(String, Property)>> {
        while keys.next < keys.count && !self.is_spent() {
            let (key, property) = self.reader.own_key(frame, keys.next).await?;
            keys.next += 1;
            let (is_symbol, key) = match key {
                Value::Symbol(text) => (true, text),
                key => (false, key.into_text()),
            };
            let is_one_of = |names: &[&str]| is_error && !is_symbol && names.contains(&key.shown.as_str());
            let is_cause = is_one_of(&["cause", "errors"]) && !property.enumerable;
            let is_told = is_one_of(&["name", "message", "stack"]);
            if !property.exists || is_told || !(property.enumerable || is_cause) {
                continue;
            }
            let label = match is_symbol || is_cause {
                true => Text { shown: format!("[{}]", key.shown), length: key.length + 2 },
                false if key.is_identifier() => key,
                false => key.quoted().as_str().into(),
            };
            return Ok(Some((self.clip(&label), property)));
        }
        Ok(None)
    }

    /// The object as rows or cells of a table: at most `max` of its entries, `None` if it is shown as a value.
    pub(super) async fn tabular(&mut self, frame: Frame, value: &Value, max: usize) -> Read<Option<Tabular>> {
        if *value != Value::Object {
            return Ok(None);
        }
        if self.is_array(frame).await? {
            let length = self.reader.own(frame.value(), Key::Length, frame.one()).await?.value.number();
            let count = length.unwrap_or(0.0).clamp(0.0, max as f64).ceil() as usize;
            return Ok(Some(Tabular { keys: None, next: 0, max: count }));
        }
        if self.shape(frame, false).await?.kind.is_some() {
            return Ok(None);
        }
        Ok(Some(Tabular { keys: Some(self.keys(frame, 0).await?), next: 0, max }))
    }

    /// The next entry of what is shown in a table, its value in the slot of the frame inside, with its label.
    pub(super) async fn next_entry(&mut self, frame: Frame, of: &mut Tabular) -> Read<Option<(String, Property)>> {
        let is_over = of.next == of.max;
        of.next += 1;
        let Some(keys) = &mut of.keys else {
            let at = of.next - 1;
            return Ok(match is_over {
                true => None,
                false => {
                    let property = self.reader.own_index(frame.value(), at, frame.inner()?.value()).await?;
                    Some((at.to_string(), property))
                }
            });
        };
        let entry = if is_over { None } else { self.next_property(frame, false, keys).await? };
        if entry.is_none() {
            self.account(keys);
        }
        Ok(entry)
    }
}

/// How far a table has read an object.
#[derive(Debug)]
pub(super) struct Tabular {
    /// `None` for an array, whose keys are its indices.
    keys: Option<Keys>,
    next: usize,
    max: usize,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.next, self.count)
    }
}

fn flush(entries: &mut Vec<String>, holes: &mut usize) {
    if *holes > 0 {
        entries.push(format!("<{}>", counted(*holes as f64, "empty item")));
    }
    *holes = 0;
}
