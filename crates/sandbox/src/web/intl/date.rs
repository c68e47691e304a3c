//! Points in time, in UTC.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::{NARROW_SPACE, Parts, fields};
use crate::web::refused;

/// `native.date(spec, milliseconds, inParts)`: see [`Format::new`] for the fields.
pub(super) const DATE: Native = Native { name: "date", arguments: 3, call: date };

/// `native.isUtc(name)`: whether this is one of the names of UTC.
pub(super) const IS_UTC: Native = Native { name: "isUtc", arguments: 1, call: is_utc };

const UTC_NAMES: [&str; 8] = ["UTC", "GMT", "UCT", "Zulu", "Universal", "Greenwich", "GMT0", "GMT+0"];

/// What `Date` can hold.
const MS_MAX: f64 = 8.64e15;
const DAY_MS: i64 = 86_400_000;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What a script has settled: of each field its form, or the empty string.
struct Format<'a> {
    /// Of a date of a certain style: `full`, `long`, `medium` or `short`.
    date_style: &'a str,
    weekday: &'a str,
    era: &'a str,
    year: &'a str,
    month: &'a str,
    day: &'a str,
    day_period: &'a str,
    hour: &'a str,
    minute: &'a str,
    second: &'a str,
    fraction: usize,
    time_zone: &'a str,
    /// `h11`, `h12`, `h23` or `h24`.
    cycle: &'a str,
}

impl<'a> Format<'a> {
    fn new(spec: &'a str) -> Result<Self, NativeFailure> {
        let [
            date_style,
            time_style,
            weekday,
            era,
            year,
            month,
            day,
            day_period,
            hour,
            minute,
            second,
            fraction,
            time_zone,
            cycle,
        ] = fields(spec)?;
        let fraction = match fraction {
            "" => 0,
            digits => digits.parse().ok().filter(|digits| (1..=3).contains(digits)).ok_or_else(refused)?,
        };
        let of_fields = Self {
            date_style,
            weekday,
            era,
            year,
            month,
            day,
            day_period,
            hour,
            minute,
            second,
            fraction,
            time_zone,
            cycle,
        };
        Ok(of_fields.of_date_style(date_style).of_time_style(time_style))
    }

    fn of_date_style(self, style: &str) -> Self {
        let (weekday, month, year) = match style {
            "full" => ("long", "long", "numeric"),
            "long" => ("", "long", "numeric"),
            "medium" => ("", "short", "numeric"),
            "short" => ("", "numeric", "2-digit"),
            _ => return self,
        };
        Self { weekday, month, year, day: "numeric", ..self }
    }

    fn of_time_style(self, style: &str) -> Self {
        let (second, time_zone) = match style {
            "full" => ("2-digit", "long"),
            "long" => ("2-digit", "short"),
            "medium" => ("2-digit", ""),
            "short" => ("", ""),
            _ => return self,
        };
        Self { hour: "numeric", minute: "2-digit", second, time_zone, ..self }
    }

    fn is_half_day(&self) -> bool {
        matches!(self.cycle, "h11" | "h12")
    }

    fn has_time(&self) -> bool {
        [self.day_period, self.hour, self.minute, self.second].iter().any(|field| !field.is_empty())
            || self.fraction > 0
    }

    fn format(&self, moment: &Moment) -> Parts {
        let mut parts = Parts::default();
        self.push_date(moment, &mut parts);
        let has_date = !parts.0.is_empty();
        if has_date && (self.has_time() || !self.time_zone.is_empty()) {
            parts.literal(self.glue());
        }
        self.push_time(moment, &mut parts);
        if !self.time_zone.is_empty() {
            if self.has_time() {
                parts.literal(" ");
            }
            parts.push(
                "timeZoneName",
                match self.time_zone {
                    "long" => "Coordinated Universal Time",
                    "short" => "UTC",
                    "longOffset" | "longGeneric" => "GMT+00:00",
                    _ => "GMT+0",
                },
            );
        }
        parts
    }

    /// What stands between date and time.
    fn glue(&self) -> &'static str {
        let is_weekday = [self.era, self.year, self.month, self.day].iter().all(|field| field.is_empty());
        let is_clock = !self.hour.is_empty() && self.fraction == 0 && self.time_zone.is_empty();
        let is_whole = self.is_half_day() || !self.minute.is_empty();
        match self.date_style {
            "full" | "long" => " at ",
            "medium" | "short" => ", ",
            _ if self.month == "long" => " at ",
            _ if is_weekday && is_clock && is_whole => " ",
            _ => ", ",
        }
    }

    fn push_date(&self, moment: &Moment, parts: &mut Parts) {
        let [has_weekday, has_era, has_year, has_day] =
            [self.weekday, self.era, self.year, self.day].map(|field| !field.is_empty());
        if !self.month.is_empty() {
            return self.push_month(moment, parts);
        }
        match (has_year, has_day) {
            (true, true) if (has_weekday || self.year == "2-digit") && !has_era => {
                self.push_day(moment, parts);
                parts.literal(" ");
                if has_weekday {
                    self.push_weekday(moment, parts);
                    parts.literal(" ");
                }
                self.push_year(moment, parts);
            }
            (true, true) => {
                self.push_year(moment, parts);
                parts.literal(" (day: ");
                self.push_day(moment, parts);
                if has_weekday {
                    parts.literal(" ");
                    self.push_weekday(moment, parts);
                }
                parts.literal(")");
            }
            (false, true) if has_era && !has_weekday => {
                self.push_era(moment, parts);
                parts.literal(" (day: ");
                self.push_day(moment, parts);
                parts.literal(")");
            }
            (has_year, has_day) => {
                if has_year {
                    self.push_year(moment, parts);
                } else if has_day {
                    self.push_day(moment, parts);
                } else if has_era {
                    self.push_era(moment, parts);
                }
                if has_weekday {
                    parts.literal(if parts.0.is_empty() { "" } else { " " });
                    self.push_weekday(moment, parts);
                }
                if has_era && has_day {
                    parts.literal(" ");
                    self.push_era(moment, parts);
                }
            }
        }
    }

    /// A date that has a month.
    fn push_month(&self, moment: &Moment, parts: &mut Parts) {
        let [has_weekday, has_era, has_year, has_day] =
            [self.weekday, self.era, self.year, self.day].map(|field| !field.is_empty());
        let is_named = matches!(self.month, "long" | "short" | "narrow");
        // Of a month alone with one of these there are no patterns.
        let is_alone = !has_year && !has_day;
        let is_odd = matches!((self.month, self.weekday), ("long", "short") | ("narrow", "long" | "short")) && !has_era;
        if is_alone && (is_odd || has_era) {
            match is_odd {
                true => self.push_weekday(moment, parts),
                false => self.push_era(moment, parts),
            }
            parts.literal(" (month: ");
            parts.push("month", self.month(moment));
            parts.literal(")");
            return;
        }
        if has_weekday && has_day {
            self.push_weekday(moment, parts);
            parts.literal(", ");
        }
        parts.push("month", self.month(moment));
        if has_day {
            parts.literal(if is_named { " " } else { "/" });
            self.push_day(moment, parts);
        }
        if has_year {
            parts.literal(match (is_named, has_day) {
                (true, true) => ", ",
                (true, false) => " ",
                (false, _) => "/",
            });
            self.push_year(moment, parts);
        }
        if has_weekday && !has_day {
            parts.literal(" ");
            self.push_weekday(moment, parts);
        }
        if has_era && !has_year {
            parts.literal(" ");
            self.push_era(moment, parts);
        }
    }

    fn push_weekday(&self, moment: &Moment, parts: &mut Parts) {
        parts.push("weekday", shortened(WEEKDAYS[moment.weekday], self.weekday));
    }

    fn push_day(&self, moment: &Moment, parts: &mut Parts) {
        parts.push("day", two_digits(self.day, moment.day));
    }

    fn push_era(&self, moment: &Moment, parts: &mut Parts) {
        let era = match (self.era, moment.year > 0) {
            ("long", true) => "Anno Domini",
            ("long", false) => "Before Christ",
            ("narrow", true) => "A",
            ("narrow", false) => "B",
            (_, true) => "AD",
            (_, false) => "BC",
        };
        parts.push("era", era);
    }

    /// The year of its era, whether that is told or not.
    fn push_year(&self, moment: &Moment, parts: &mut Parts) {
        let year = if moment.year > 0 { moment.year } else { 1 - moment.year };
        parts.push("year", if self.year == "2-digit" { format!("{:02}", year % 100) } else { year.to_string() });
        if !self.era.is_empty() {
            parts.literal(" ");
            self.push_era(moment, parts);
        }
    }

    fn month(&self, moment: &Moment) -> String {
        match self.month {
            "long" | "short" | "narrow" => shortened(MONTHS[moment.month - 1], self.month),
            form => two_digits(form, moment.month as i64),
        }
    }

    fn push_time(&self, moment: &Moment, parts: &mut Parts) {
        let has_hour = !self.hour.is_empty();
        // Where there are hours or minutes and fractions, there are all between.
        let has_minute = !self.minute.is_empty();
        let has_second = !self.second.is_empty() || (self.fraction > 0 && (has_hour || has_minute));
        if has_hour {
            let hour = match self.cycle {
                "h11" => moment.hour % 12,
                "h12" => (moment.hour + 11) % 12 + 1,
                "h24" => (moment.hour + 23) % 24 + 1,
                _ => moment.hour,
            };
            let form = if self.is_half_day() { self.hour } else { "2-digit" };
            parts.push("hour", two_digits(form, hour));
        }
        // Hours alone with a time zone have a pattern of their own.
        if has_hour && !has_minute && !self.is_half_day() && !self.time_zone.is_empty() {
            parts.literal("h");
        }
        if has_minute {
            if has_hour {
                parts.literal(":");
            }
            parts.push("minute", two_digits(if has_hour || has_second { "2-digit" } else { "" }, moment.minute));
        }
        let is_apart = has_hour && !has_minute;
        if has_second && !is_apart {
            if has_minute {
                parts.literal(":");
            }
            self.push_second(moment, if has_minute { "2-digit" } else { "" }, parts);
        } else if self.fraction > 0 && !is_apart {
            parts.push("fractionalSecond", self.fraction(moment));
        }
        if has_hour && self.is_half_day() || !has_hour && !self.day_period.is_empty() {
            let (space, period) = match self.day_period {
                "" => (NARROW_SPACE, if moment.hour < 12 { "AM" } else { "PM" }),
                form if self.time_zone.is_empty() => (" ", self.period(moment, form)),
                form => (NARROW_SPACE, self.period(moment, form)),
            };
            if has_hour || has_minute || has_second {
                parts.literal(space);
            }
            parts.push("dayPeriod", period);
        }
        if has_second && is_apart {
            parts.literal(" (second: ");
            self.push_second(moment, "", parts);
            parts.literal(")");
        }
    }

    fn push_second(&self, moment: &Moment, form: &str, parts: &mut Parts) {
        parts.push("second", two_digits(form, moment.second));
        if self.fraction > 0 {
            parts.literal(".");
            parts.push("fractionalSecond", self.fraction(moment));
        }
    }

    fn fraction(&self, moment: &Moment) -> String {
        format!("{:03}", moment.millisecond)[..self.fraction].to_owned()
    }

    fn period(&self, moment: &Moment, form: &str) -> &'static str {
        // Noon lasts as long as what is shown says noon.
        let is_noon = moment.hour == 12
            && (self.minute.is_empty() || moment.minute == 0)
            && (self.second.is_empty() || moment.second == 0);
        match moment.hour {
            12 if is_noon && form == "narrow" => "n",
            12 if is_noon => "noon",
            0..12 => "in the morning",
            12..18 => "in the afternoon",
            18..21 => "in the evening",
            _ => "at night",
        }
    }
}

fn two_digits(form: &str, number: i64) -> String {
    if form == "2-digit" { format!("{number:02}") } else { number.to_string() }
}

fn shortened(name: &str, form: &str) -> String {
    let length = match form {
        "short" => 3,
        "narrow" => 1,
        _ => name.len(),
    };
    name[..length].to_owned()
}

/// A point in time by the Gregorian calendar, which goes on backwards for ever; the year before 1 is 0.
struct Moment {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Moment {
    /// From days since 1970: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
    fn new(ms: i64) -> Self {
        let (days, time) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as usize,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            weekday: (days + 4).rem_euclid(7) as usize,
            hour: time / 3_600_000,
            minute: time / 60_000 % 60,
            second: time / 1_000 % 60,
            millisecond: time % 1_000,
        }
    }
}

fn date(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(spec), NativeValue::Number(ms), NativeValue::Bool(in_parts)] = arguments else {
        return Err(refused());
    };
    if !(-MS_MAX..=MS_MAX).contains(ms) {
        return Err(NativeFailure { name: "RangeError", message: "the date is no point in time".into() });
    }
    Ok(Format::new(spec)?.format(&Moment::new(*ms as i64)).into_value(*in_parts))
}

fn is_utc(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name)] = arguments else { return Err(refused()) };
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("etc/").unwrap_or(&name);
    Ok(NativeValue::Bool(UTC_NAMES.iter().any(|utc| utc.eq_ignore_ascii_case(name))))
}
