//! What each of the console's functions writes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isolet_core_traits::LogLevel;

use super::inspect::{DEPTH_USUAL, Inspector, Place};
use super::reader::{Builtin, Frame, Key, Read, Value};
use super::text::{LINE_MAX, Text, counted, first, units};

/// What `dir` may ask for.
const DEPTH_MAX: f64 = 50.0;
/// What the labels of counters and timers may take. Beyond that they are not remembered.
const LABEL_BYTES_MAX: usize = 1 << 20;

/// A function of the console, by its number in the list of console.js.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Method {
    Log,
    Info,
    Debug,
    Warn,
    Error,
    Trace,
    Assert,
    Dir,
    Table,
    Count,
    CountReset,
    Group,
    GroupCollapsed,
    GroupEnd,
    Time,
    TimeLog,
    TimeEnd,
}

impl Method {
    pub(super) const ALL: [(Self, &str); 17] = [
        (Self::Log, "log"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
        (Self::Warn, "warn"),
        (Self::Error, "error"),
        (Self::Trace, "trace"),
        (Self::Assert, "assert"),
        (Self::Dir, "dir"),
        (Self::Table, "table"),
        (Self::Count, "count"),
        (Self::CountReset, "countReset"),
        (Self::Group, "group"),
        (Self::GroupCollapsed, "groupCollapsed"),
        (Self::GroupEnd, "groupEnd"),
        (Self::Time, "time"),
        (Self::TimeLog, "timeLog"),
        (Self::TimeEnd, "timeEnd"),
    ];

    pub(super) fn from_number(number: f64) -> Option<Self> {
        Self::ALL.into_iter().map(|(method, _)| method).find(|method| f64::from(*method as u8) == number)
    }

    pub(super) fn opens_group(self) -> bool {
        matches!(self, Self::Group | Self::GroupCollapsed)
    }

    pub(super) fn level(self) -> LogLevel {
        match self {
            Self::Trace => LogLevel::Trace,
            Self::Debug => LogLevel::Debug,
            Self::Warn => LogLevel::Warn,
            Self::Error | Self::Assert => LogLevel::Error,
            _ => LogLevel::Info,
        }
    }
}

/// The counters and timers of a run, by their label.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    values: HashMap<(Labelled, String), f64>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Labelled {
    Counter,
    Timer,
}

impl Labels {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, kind: Labelled, label: &str) -> Option<f64> {
        self.known().values.get(&(kind, label.to_owned())).copied()
    }

    fn keep(&self, kind: Labelled, label: &str, value: f64) {
        let mut known = self.known();
        let key = (kind, label.to_owned());
        if let Some(kept) = known.values.get_mut(&key) {
            *kept = value;
            return;
        }
        let bytes = known.bytes + size_of_val(&key) + label.len();
        if bytes <= LABEL_BYTES_MAX {
            known.bytes = bytes;
            known.values.insert(key, value);
        }
    }

    fn forget(&self, kind: Labelled, label: &str) {
        let mut known = self.known();
        let key = (kind, label.to_owned());
        if known.values.remove(&key).is_some() {
            known.bytes -= size_of_val(&key) + label.len();
        }
    }
}

/// A call of a console function that is being carried out.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// How many arguments it has.
    pub(super) count: usize,
    /// When it was made, since the run's start.
    pub(super) now_ms: f64,
    pub(super) inspector: Inspector,
    pub(super) labels: Labels,
}

/// A line to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: LogLevel,
    pub(super) text: String,
}

impl Call {
    /// What the call writes, if it writes anything.
    pub(super) async fn line(mut self) -> Read<Option<Line>> {
        let text = match self.method {
            Method::Log | Method::Info | Method::Debug | Method::Warn | Method::Error => self.format(0, None).await?,
            Method::Trace => self.trace().await?,
            Method::Assert => {
                let shown = self.format(1, None).await?;
                if self.count > 1 { format!("Assertion failed: {shown}") } else { "Assertion failed".to_owned() }
            }
            Method::Dir => self.dir().await?,
            Method::Table => self.table().await?,
            Method::Group | Method::GroupCollapsed if self.count > 0 => self.format(0, None).await?,
            Method::Group | Method::GroupCollapsed | Method::GroupEnd => return Ok(None),
            Method::Count | Method::CountReset => return self.counter().await,
            Method::Time | Method::TimeLog | Method::TimeEnd => return self.timer().await,
        };
        Ok(Some(Line { level: self.method.level(), text }))
    }

    fn warning(text: String) -> Option<Line> {
        Some(Line { level: LogLevel::Warn, text })
    }

    /// The argument at `index`, in the slot of the frame for arguments.
    pub(super) async fn argument(&mut self, index: usize) -> Read<(Frame, Value)> {
        let frame = Frame::CALL.inner()?;
        if index >= self.count {
            return Ok((frame, Value::Undefined));
        }
        Ok((frame, self.inspector.reader.element(Frame::CALL.value(), index, frame.value()).await?))
    }

    pub(super) async fn show(&mut self, frame: Frame, value: &Value, depth: f64) -> String {
        self.inspector.depth = depth;
        self.inspector.show(frame, value, Place { level: 0, indent: 0, root: frame }).await
    }

    /// Strings as they are, other values as they are shown.
    async fn raw(&mut self, frame: Frame, value: Value, depth: f64) -> String {
        match value {
            Value::String(text) => {
                self.inspector.text -= text.length;
                text.shown
            }
            value => self.show(frame, &value, depth).await,
        }
    }

    /// The arguments from `from` on, the first of them a pattern if it is a string and more follow. `head` stands for it.
    async fn format(&mut self, from: usize, head: Option<Text>) -> Read<String> {
        let mut next = from;
        let mut out = String::new();
        if self.count > from {
            let (frame, value) = match head {
                Some(text) => (Frame::CALL.inner()?, Value::String(text)),
                None => self.argument(from).await?,
            };
            let is_pattern = self.count > from + 1 && matches!(value, Value::String(_));
            out = self.raw(frame, value, DEPTH_USUAL).await;
            next += 1;
            if is_pattern {
                (out, next) = self.fill(&out, next).await?;
            }
        }
        while next < self.count && self.inspector.text > 0 {
            let (frame, value) = self.argument(next).await?;
            out.push(' ');
            out += &self.raw(frame, value, DEPTH_USUAL).await;
            next += 1;
        }
        if next < self.count {
            out += &format!(" ... {}", counted((self.count - next) as f64, "more argument"));
        }
        Ok(out)
    }

    /// A pattern with arguments from `next` on in place of its `%letter`s, and the first argument that is left.
    async fn fill(&mut self, pattern: &str, mut next: usize) -> Read<(String, usize)> {
        let (mut out, mut rest) = (String::new(), pattern);
        while let Some((before, after)) = rest.split_once('%') {
            let Some(letter) = after.chars().next() else { break };
            out += before;
            rest = after;
            let piece = match letter {
                '%' => Some("%".to_owned()),
                _ if next < self.count => self.convert(letter, next).await?,
                _ => None,
            };
            match piece {
                None => out.push('%'),
                Some(piece) => {
                    out += &piece;
                    next += usize::from(letter != '%');
                    rest = &rest[letter.len_utf8()..];
                }
            }
        }
        Ok((out + rest, next))
    }

    /// What `%letter` makes of an argument; nothing for letters that mean nothing.
    async fn convert(&mut self, letter: char, index: usize) -> Read<Option<String>> {
        if !"sdifjoOc".contains(letter) {
            return Ok(None);
        }
        let (frame, value) = self.argument(index).await?;
        Ok(Some(match letter {
            's' => self.raw(frame, value, 0.0).await,
            'j' => self.json(frame, value).await?,
            'o' => self.show(frame, &value, 2.0 * DEPTH_USUAL).await,
            'O' => self.show(frame, &value, DEPTH_USUAL).await,
            'c' => String::new(),
            _ => match value {
                Value::BigInt(_) => self.inspector.primitive(&value),
                Value::Object | Value::Function | Value::Symbol(_) => "NaN".to_owned(),
                _ => {
                    let builtin = match letter {
                        'd' => Builtin::Number,
                        'i' => Builtin::ParseInt,
                        _ => Builtin::ParseFloat,
                    };
                    let number = self.inspector.reader.call(builtin, frame.value(), frame.one()).await?;
                    self.inspector.primitive(&number)
                }
            },
        }))
    }

    async fn json(&mut self, frame: Frame, value: Value) -> Read<String> {
        let Inspector { reader, nodes, text, .. } = &mut self.inspector;
        let (json, text_left, nodes_left) = reader.json(frame.value(), frame.one(), *text, *nodes).await?;
        (*text, *nodes) = (text_left, nodes_left);
        match json {
            Ok(json) => Ok(json),
            Err(_) => Ok(self.show(frame, &value, DEPTH_USUAL).await),
        }
    }

    async fn trace(&mut self) -> Read<String> {
        let stack = self.inspector.reader.trace(Frame::CALL.one(), Frame::CALL.other()).await?;
        let frames = self.inspector.frames(&stack);
        let mut text = "Trace".to_owned();
        if self.count > 0 {
            text += ": ";
            text += &self.format(0, None).await?;
        }
        if !frames.is_empty() {
            text.push('\n');
            text += &frames;
        }
        Ok(text)
    }

    async fn dir(&mut self) -> Read<String> {
        let (frame, options) = self.argument(1).await?;
        let mut depth = DEPTH_USUAL;
        if options.is_object() {
            depth = match self.inspector.reader.own(frame.value(), Key::Depth, frame.one()).await?.value {
                Value::Null => DEPTH_MAX,
                Value::Number(number, _) => number.min(DEPTH_MAX),
                _ => DEPTH_USUAL,
            };
        }
        let (frame, value) = self.argument(0).await?;
        Ok(self.show(frame, &value, depth).await)
    }

    async fn label(&mut self) -> Read<(String, bool)> {
        let (frame, value) = self.argument(0).await?;
        Ok(match value {
            Value::Undefined => ("default".to_owned(), true),
            Value::String(text) => (self.inspector.clip(&text), true),
            value => (self.show(frame, &value, DEPTH_USUAL).await, false),
        })
    }

    async fn counter(&mut self) -> Read<Option<Line>> {
        let (label, _) = self.label().await?;
        let known = self.labels.value(Labelled::Counter, &label);
        if self.method == Method::CountReset {
            self.labels.forget(Labelled::Counter, &label);
            return Ok(match known {
                Some(_) => None,
                None => Self::warning(format!("Count for '{label}' does not exist")),
            });
        }
        let count = known.unwrap_or(0.0) + 1.0;
        self.labels.keep(Labelled::Counter, &label, count);
        Ok(Some(Line { level: self.method.level(), text: format!("{label}: {count}") }))
    }

    async fn timer(&mut self) -> Read<Option<Line>> {
        let (label, _) = self.label().await?;
        let now = self.now_ms;
        let text = match (self.labels.value(Labelled::Timer, &label), self.method) {
            (Some(_), Method::Time) => {
                return Ok(Self::warning(format!("Label '{label}' already exists for console.time()")));
            }
            (None, Method::Time) => {
                self.labels.keep(Labelled::Timer, &label, now);
                return Ok(None);
            }
            (None, method) => {
                let name = if method == Method::TimeLog { "timeLog" } else { "timeEnd" };
                return Ok(Self::warning(format!("No such label '{label}' for console.{name}()")));
            }
            (Some(since), _) => format!("{label}: {}ms", now - since),
        };
        let text = match self.method {
            Method::TimeLog if self.count > 1 => self.format(0, Some(text.as_str().into())).await?,
            Method::TimeLog => text,
            _ => {
                self.labels.forget(Labelled::Timer, &label);
                text
            }
        };
        Ok(Some(Line { level: self.method.level(), text }))
    }
}

impl Line {
    pub(super) fn unreadable(method: Method) -> Self {
        Self { level: method.level(), text: "[unreadable]".to_owned() }
    }

    /// Within `groups` groups, and no longer than a line may be.
    pub(super) fn finished(self, groups: usize) -> Self {
        let margin = 2 * groups;
        let text = super::text::indented(&first(&self.text, LINE_MAX + 1), margin);
        let text = " ".repeat(margin) + &text;
        let text = if units(&text) > LINE_MAX { first(&text, LINE_MAX) + "... (cut)" } else { text };
        Self { text, ..self }
    }
}
