//! Decimal numbers of any length, and how they are rounded.

/// A finite number: `0.d₁d₂d₃… × 10^point`, without zeros at either end. Zero has no digits, and its point is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) is_negative: bool,
    pub(super) digits: Vec<u8>,
    pub(super) point: i64,
}

/// What there is to format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Quantity {
    NaN,
    Infinite { is_negative: bool },
    Finite(Decimal),
}

/// How what lies between two numbers is rounded: <https://tc39.es/ecma402/#sec-intl.numberformat-internal-slots>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    Ceil,
    Floor,
    Expand,
    Trunc,
    HalfCeil,
    HalfFloor,
    HalfExpand,
    HalfTrunc,
    HalfEven,
}

impl Rounding {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ceil" => Self::Ceil,
            "floor" => Self::Floor,
            "expand" => Self::Expand,
            "trunc" => Self::Trunc,
            "halfCeil" => Self::HalfCeil,
            "halfFloor" => Self::HalfFloor,
            "halfExpand" => Self::HalfExpand,
            "halfTrunc" => Self::HalfTrunc,
            "halfEven" => Self::HalfEven,
            _ => return None,
        })
    }

    /// Whether to go away from zero, with `half` being how what is dropped compares with a half, which is not nothing.
    fn goes_up(self, half: std::cmp::Ordering, is_negative: bool, is_odd: bool) -> bool {
        let at_half = match self {
            Self::Ceil => return !is_negative,
            Self::Floor => return is_negative,
            Self::Expand => return true,
            Self::Trunc => return false,
            Self::HalfCeil => !is_negative,
            Self::HalfFloor => is_negative,
            Self::HalfExpand => true,
            Self::HalfTrunc => false,
            Self::HalfEven => is_odd,
        };
        half.is_gt() || half.is_eq() && at_half
    }
}

impl Quantity {
    /// By the shortest digits that are this number and no other, as engines show it.
    pub(super) fn of_number(number: f64) -> Self {
        match number {
            _ if number.is_nan() => Self::NaN,
            _ if number.is_infinite() => Self::Infinite { is_negative: number < 0.0 },
            _ => Self::of_literal(&format!("{number:e}")).unwrap_or(Self::NaN),
        }
    }

    /// As `Number` reads a text, but with all of its digits.
    pub(super) fn of_text(text: &str) -> Self {
        let text = text.trim_matches(|c: char| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}');
        if text.is_empty() {
            return Self::of_number(0.0);
        }
        let radix = match text.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0o" | "0O") => 8,
            Some("0b" | "0B") => 2,
            _ => return Self::of_literal(text).unwrap_or(Self::NaN),
        };
        Self::of_digits(&text[2..], radix)
    }

    /// Digits of a whole number, all of which count up to 128 bits.
    fn of_digits(text: &str, radix: u32) -> Self {
        let digits = || text.chars().map(|c| c.to_digit(radix));
        if text.is_empty() || digits().any(|digit| digit.is_none()) {
            return Self::NaN;
        }
        let whole =
            digits().flatten().try_fold(0_u128, |sum, digit| sum.checked_mul(radix.into())?.checked_add(digit.into()));
        match whole {
            Some(whole) => Self::of_literal(&whole.to_string()).unwrap_or(Self::NaN),
            None => {
                Self::of_number(digits().flatten().fold(0.0, |sum, digit| sum * f64::from(radix) + f64::from(digit)))
            }
        }
    }

    fn of_literal(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if text == "Infinity" {
            return Some(Self::Infinite { is_negative });
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        let mut decimal = Decimal { is_negative, digits, point: whole.len() as i64 + exponent };
        decimal.trim();
        // As numbers do, texts end where doubles end, but for BigInts, which have no exponent.
        if decimal.point > 309 && (exponent != 0 || !fraction.is_empty()) {
            return Some(Self::Infinite { is_negative });
        }
        if decimal.point < -323 {
            decimal = Decimal { is_negative, digits: Vec::new(), point: 0 };
        }
        Some(Self::Finite(decimal))
    }
}

/// Anything beyond a billion is a billion.
fn read_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0, |sum: i64, byte| (sum * 10 + i64::from(byte - b'0')).min(1_000_000_000));
    Some(if is_negative { -value } else { value })
}

impl Decimal {
    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.point -= zeros as i64;
        let kept = self.digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        self.digits.truncate(kept);
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    /// Rounded to so many digits after the point; before it, if negative.
    pub(super) fn round(&mut self, places: i64, rounding: Rounding) {
        let kept = self.point + places;
        if kept >= self.digits.len() as i64 {
            return;
        }
        let dropped = if kept < 0 { &[0][..] } else { &self.digits[kept as usize..] };
        let half = dropped.cmp(&[5]);
        let is_odd = kept > 0 && self.digits[kept as usize - 1] % 2 == 1;
        let goes_up = rounding.goes_up(half, self.is_negative, is_odd);
        self.digits.truncate(kept.max(0) as usize);
        if goes_up {
            match self.digits.iter().rposition(|digit| *digit < 9) {
                Some(last) => {
                    self.digits[last] += 1;
                    self.digits.truncate(last + 1);
                }
                None => {
                    self.point = if kept > 0 { self.point + 1 } else { 1 - places };
                    self.digits = vec![1];
                }
            }
        }
        self.trim();
    }

    /// The digits before and after the point, at least so many of each.
    pub(super) fn layout(&self, whole_min: usize, fraction_min: usize) -> (String, String) {
        let digit = |at: i64| {
            let digit = usize::try_from(at).ok().and_then(|at| self.digits.get(at)).unwrap_or(&0);
            char::from(b'0' + digit)
        };
        let whole = (self.point.max(0) as usize).max(whole_min) as i64;
        let fraction = ((self.digits.len() as i64 - self.point).max(0) as usize).max(fraction_min) as i64;
        (
            (-whole..0).map(|at| digit(at + self.point)).collect(),
            (0..fraction).map(|at| digit(at + self.point)).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        match Quantity::of_text(text) {
            Quantity::Finite(decimal) => decimal,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn rounds_by_mode() {
        for (mode, expected) in [
            ("ceil", ["1.3", "-1.2", "0.1", "-0.0", "1.3"]),
            ("floor", ["1.2", "-1.3", "0.0", "-0.1", "1.2"]),
            ("expand", ["1.3", "-1.3", "0.1", "-0.1", "1.3"]),
            ("trunc", ["1.2", "-1.2", "0.0", "-0.0", "1.2"]),
            ("halfCeil", ["1.3", "-1.2", "0.0", "-0.0", "1.2"]),
            ("halfFloor", ["1.2", "-1.3", "0.0", "-0.0", "1.2"]),
            ("halfExpand", ["1.3", "-1.3", "0.0", "-0.0", "1.2"]),
            ("halfTrunc", ["1.2", "-1.2", "0.0", "-0.0", "1.2"]),
            ("halfEven", ["1.2", "-1.2", "0.0", "-0.0", "1.2"]),
        ] {
            let rounding = Rounding::named(mode).expect("a mode");
            let got = ["1.25", "-1.25", "0.001", "-0.001", "1.2499"].map(|text| {
                let mut decimal = decimal(text);
                decimal.round(1, rounding);
                let (whole, fraction) = decimal.layout(1, 1);
                format!("{}{whole}.{fraction}", if decimal.is_negative { "-" } else { "" })
            });
            assert_eq!(got, expected, "{mode}");
        }
    }

    proptest! {
        #[test]
        fn texts_and_numbers_agree(number in any::<f64>(), places in 0..20_i64) {
            prop_assume!(number.is_finite());
            prop_assert_eq!(Quantity::of_text(&format!("{number}e0")), Quantity::of_number(number));
            if let Quantity::Finite(mut decimal) = Quantity::of_number(number) {
                decimal.round(places, Rounding::HalfEven);
                let (whole, fraction) = decimal.layout(1, 0);
                prop_assert!(fraction.len() as i64 <= places);
                let read: f64 = format!("{whole}.{fraction}0").parse().expect("a number");
                prop_assert!((read - number.abs()).abs() <= 0.5000001 / 10_f64.powi(places as i32) + number.abs() * 1e-15);
            }
        }
    }
}
