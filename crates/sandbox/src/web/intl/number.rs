//! Numbers, amounts of money, and which plural goes with them.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::decimal::{Decimal, Quantity, Rounding};
use super::{Parts, currency, fields};
use crate::web::refused;

/// `native.number(spec, value, inParts)`: see [`Format::new`] for the fields.
pub(super) const NUMBER: Native = Native { name: "number", arguments: 3, call: number };

/// `native.plural(spec, value, isOrdinal)`: its category.
pub(super) const PLURAL: Native = Native { name: "plural", arguments: 3, call: plural };

/// The longest number as text: what is made of it is many times as long.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// What short and long forms end with, by powers of a thousand.
const COMPACT: [(&str, &str); 4] = [("K", "thousand"), ("M", "million"), ("B", "billion"), ("T", "trillion")];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Fraction,
    Significant,
    MorePrecision,
    LessPrecision,
}

/// What a script has settled.
struct Format<'a> {
    style: &'a str,
    currency: &'a str,
    currency_display: &'a str,
    is_accounting: bool,
    /// Empty, `short` or `long`.
    compact: &'a str,
    grouping: &'a str,
    sign: &'a str,
    rounding: Rounding,
    digits: Digits,
    whole_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    significant_min: usize,
    significant_max: usize,
    strips_zeros: bool,
}

impl<'a> Format<'a> {
    fn new(spec: &'a str) -> Result<Self, NativeFailure> {
        let [
            style,
            currency,
            currency_display,
            currency_sign,
            compact,
            grouping,
            sign,
            rounding,
            digits,
            whole_min,
            fraction_min,
            fraction_max,
            significant_min,
            significant_max,
            zeros,
        ] = fields(spec)?;
        // Digits that do not count are left empty.
        let count = |text: &str| match text {
            "" => Ok(0),
            text => text.parse().ok().filter(|count| *count <= 100).ok_or_else(refused),
        };
        Ok(Self {
            style,
            currency,
            currency_display,
            is_accounting: currency_sign == "accounting",
            compact,
            grouping,
            sign,
            rounding: Rounding::named(rounding).ok_or_else(refused)?,
            digits: match digits {
                "fraction" => Digits::Fraction,
                "significant" => Digits::Significant,
                "morePrecision" => Digits::MorePrecision,
                "lessPrecision" => Digits::LessPrecision,
                _ => return Err(refused()),
            },
            whole_min: count(whole_min)?,
            fraction_min: count(fraction_min)?,
            fraction_max: count(fraction_max)?,
            significant_min: count(significant_min)?,
            significant_max: count(significant_max)?,
            strips_zeros: zeros == "stripIfInteger",
        })
    }

    /// Rounds, and says how many digits there are after the point at least.
    fn round(&self, decimal: &mut Decimal) -> usize {
        // Zero has one digit before its point.
        let point = if decimal.is_zero() { 1 } else { decimal.point };
        let (places, fraction) = (self.significant_max as i64 - point, self.fraction_max as i64);
        let is_significant = match self.digits {
            Digits::Fraction => false,
            Digits::Significant => true,
            Digits::MorePrecision => places >= fraction,
            Digits::LessPrecision => places < fraction,
        };
        decimal.round(if is_significant { places } else { fraction }, self.rounding);
        let point = if decimal.is_zero() { 1 } else { decimal.point };
        let fraction_min = match is_significant {
            true => (self.significant_min as i64 - point).max(0) as usize,
            false => self.fraction_min,
        };
        let is_whole = decimal.digits.len() as i64 <= decimal.point;
        if self.strips_zeros && is_whole { 0 } else { fraction_min }
    }

    /// Rounded and laid out, with the power of a thousand that it is divided by.
    fn lay_out(&self, decimal: &mut Decimal) -> (String, String, usize) {
        if self.style == "percent" && !decimal.is_zero() {
            decimal.point += 2;
        }
        let power_of = |decimal: &Decimal| ((decimal.point - 1).max(0) / 3).min(COMPACT.len() as i64);
        let mut power = if self.compact.is_empty() { 0 } else { power_of(decimal) };
        let given = decimal.clone();
        let fraction_min = loop {
            *decimal = given.clone();
            decimal.point -= if decimal.is_zero() { 0 } else { 3 * power };
            let fraction_min = self.round(decimal);
            // 999,999 is a million rather than a thousand thousands.
            if self.compact.is_empty() || power == COMPACT.len() as i64 || power_of(decimal) == 0 {
                break fraction_min;
            }
            power += 1;
        };
        let (whole, fraction) = decimal.layout(self.whole_min, fraction_min);
        (whole, fraction, power as usize)
    }

    fn push_number(&self, whole: &str, fraction: &str, parts: &mut Parts) {
        let grouped = match self.grouping {
            "false" => false,
            "min2" => whole.len() >= 5,
            _ => true,
        };
        let first = if grouped { (whole.len() - 1) % 3 + 1 } else { whole.len() };
        parts.push("integer", &whole[..first]);
        for at in (first..whole.len()).step_by(3) {
            parts.push("group", ",");
            parts.push("integer", &whole[at..at + 3]);
        }
        if !fraction.is_empty() {
            parts.push("decimal", ".");
            parts.push("fraction", fraction);
        }
    }

    /// Pushes a sign, and says whether it is a parenthesis that is to be closed.
    fn push_sign(&self, is_negative: bool, is_zero: bool, in_parentheses: bool, parts: &mut Parts) -> bool {
        let sign = match self.sign {
            "auto" => is_negative.then_some(true),
            "always" => Some(is_negative),
            "exceptZero" => (!is_zero).then_some(is_negative),
            "negative" => (is_negative && !is_zero).then_some(true),
            _ => None,
        };
        match sign {
            Some(true) if in_parentheses => {
                parts.literal("(");
                return true;
            }
            Some(true) => parts.push("minusSign", "-"),
            Some(false) => parts.push("plusSign", "+"),
            None => {}
        }
        false
    }

    fn format(&self, quantity: Quantity) -> Parts {
        let (mut number, mut power, mut is_one) = (Parts::default(), 0, false);
        let (is_negative, is_zero) = match quantity {
            Quantity::NaN => {
                number.push("nan", "NaN");
                (false, true)
            }
            Quantity::Infinite { is_negative } => {
                number.push("infinity", "∞");
                (is_negative, false)
            }
            Quantity::Finite(mut decimal) => {
                let (whole, fraction, divided) = self.lay_out(&mut decimal);
                self.push_number(&whole, &fraction, &mut number);
                is_one = is_one_thing(&whole, &fraction, divided);
                power = divided;
                (decimal.is_negative, decimal.is_zero())
            }
        };
        let mut parts = Parts::default();
        let has_name = self.style == "currency" && self.currency_display == "name";
        let symbol = match self.style {
            "currency" if !has_name => currency::symbol(self.currency, self.currency_display),
            _ => "",
        };
        let is_word = symbol.ends_with(|c: char| c.is_alphanumeric() || c == '.');
        // Short forms have no parentheses.
        let in_parentheses = self.is_accounting && !symbol.is_empty() && power == 0;
        let closes = self.push_sign(is_negative, is_zero, in_parentheses, &mut parts);
        if !symbol.is_empty() {
            parts.push("currency", symbol);
            parts.literal(if is_word && matches!(number.0[..], [("integer", _), ..]) { "\u{a0}" } else { "" });
        }
        parts.0.append(&mut number.0);
        if let Some((short, long)) = power.checked_sub(1).map(|power| COMPACT[power]) {
            // There are no long forms with a symbol.
            let is_long = self.compact == "long" && (self.style != "currency" || has_name);
            parts.literal(if is_long { " " } else { "" });
            parts.push("compact", if is_long { long } else { short });
        }
        if self.style == "percent" {
            parts.push("percentSign", "%");
        }
        if has_name {
            parts.literal(" ");
            parts.push("currency", currency::name(self.currency, is_one));
        }
        if closes {
            parts.literal(")");
        }
        parts
    }
}

/// Whether what counts them is in the singular.
fn is_one_thing(whole: &str, fraction: &str, power: usize) -> bool {
    fraction.is_empty() && power == 0 && whole.trim_start_matches('0') == "1"
}

fn quantity(value: &NativeValue) -> Result<Quantity, NativeFailure> {
    match value {
        NativeValue::Number(number) => Ok(Quantity::of_number(*number)),
        NativeValue::String(text) if text.len() > TEXT_BYTES_MAX => {
            Err(NativeFailure { name: "RangeError", message: "the number is too long: at most 64 KiB are read".into() })
        }
        NativeValue::String(text) => Ok(Quantity::of_text(text)),
        _ => Err(refused()),
    }
}

fn number(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(spec), value, NativeValue::Bool(in_parts)] = arguments else { return Err(refused()) };
    Ok(Format::new(spec)?.format(quantity(value)?).into_value(*in_parts))
}

fn plural(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(spec), value, NativeValue::Bool(is_ordinal)] = arguments else { return Err(refused()) };
    let Quantity::Finite(mut decimal) = quantity(value)? else { return Ok(NativeValue::String("other".into())) };
    let (whole, fraction, power) = Format::new(spec)?.lay_out(&mut decimal);
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    let tens = whole.len() >= 2 && whole.as_bytes()[whole.len() - 2] == b'1';
    let category = match (is_ordinal, whole.as_bytes().last()) {
        (false, _) if is_one_thing(&whole, &fraction, power) => "one",
        (true, Some(b'1')) if is_whole && power == 0 && !tens => "one",
        (true, Some(b'2')) if is_whole && power == 0 && !tens => "two",
        (true, Some(b'3')) if is_whole && power == 0 && !tens => "few",
        _ => "other",
    };
    Ok(NativeValue::String(category.into()))
}

/// A number of things, as `Intl.RelativeTimeFormat` counts them, and whether it is one.
pub(super) fn count(value: f64, parts: &mut Parts) -> bool {
    let spec = "decimal,,,,,auto,never,halfExpand,fraction,1,0,3,,,";
    let formatted = Format::new(spec).map(|format| format.format(Quantity::of_number(value)));
    let start = parts.0.len();
    parts.0.extend(formatted.into_iter().flat_map(|formatted| formatted.0));
    matches!(&parts.0[start..], [(_, text)] if text == "1")
}
