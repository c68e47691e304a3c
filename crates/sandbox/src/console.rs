//! The global `console`: its setup script and the native that takes its lines.

use isolet_core_traits::{LogLevel, Native, NativeContext, NativeFailure, NativeValue, SetupScript};

/// Defines the global. Two files, one script: the second one uses what the first one captured.
pub(crate) const SETUP: SetupScript =
    SetupScript { name: "console", source: concat!(include_str!("js/inspect.js"), include_str!("js/console.js")) };

/// `native.log(level, text)`: adds a line; `level` is an index of [`LogLevel::ALL`].
pub(crate) const SINK: Native = Native { name: "log", arguments: 2, call: log };

fn log(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::Number(level), NativeValue::String(text)] = arguments else {
        return Err(refused("log(level, text) takes a number and a string"));
    };
    let level = LogLevel::ALL.into_iter().zip(0..).find(|(_, number)| f64::from(*number) == *level);
    let Some((level, _)) = level else {
        return Err(refused("log(level, text) takes a level from 0 to 4"));
    };
    context.log(level, text.clone());
    Ok(NativeValue::Undefined)
}

fn refused(message: &str) -> NativeFailure {
    NativeFailure { name: "TypeError", message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::{Interrupt, LogBuffer, MonotonicClock, Resources};

    use super::*;

    fn logged(arguments: &[NativeValue]) -> Result<Vec<(LogLevel, String)>, String> {
        let mut logs = LogBuffer::new(100, 10);
        let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
        (SINK.call)(&mut NativeContext::new(&mut logs, &mut Resources::default(), &interrupt), arguments)
            .map_err(|failure| failure.message)?;
        Ok(logs.take().into_iter().map(|line| (line.level, line.message)).collect())
    }

    #[test]
    fn the_sink_takes_lines_of_every_level() {
        let text = || NativeValue::String("a\nb".into());
        for (number, level) in LogLevel::ALL.into_iter().enumerate() {
            assert_eq!(logged(&[NativeValue::Number(number as f64), text()]), Ok(vec![(level, "a\nb".into())]));
        }
        for arguments in [
            vec![],
            vec![text(), text()],
            vec![NativeValue::Number(2.0), NativeValue::Undefined],
            vec![NativeValue::Number(5.0), text()],
            vec![NativeValue::Number(-1.0), text()],
            vec![NativeValue::Number(1.5), text()],
            vec![NativeValue::Number(f64::NAN), text()],
        ] {
            assert!(logged(&arguments).is_err(), "{arguments:?}");
        }
    }

    /// The numbers in the script are those of the contract.
    #[test]
    fn the_script_uses_the_levels_of_the_contract() {
        let names: Vec<_> = LogLevel::ALL.iter().map(|level| level.as_str().to_uppercase()).collect();
        let constants: Vec<_> = names.iter().enumerate().map(|(number, name)| format!("{name} = {number}")).collect();
        assert!(SETUP.source.contains(&format!("const {};", constants.join(", "))));
    }

    /// Engines run these cases against the real thing; here they are checked for their form.
    #[test]
    fn the_cases_are_well_formed() {
        let cases: serde_json::Value = serde_json::from_str(include_str!("../tests/console.json")).expect("JSON");
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 60);
        for case in cases {
            assert!(case["call"].as_str().is_some_and(|call| call.contains("console")), "{case}");
            for line in case["lines"].as_array().expect("lines") {
                assert!(LogLevel::ALL.iter().any(|level| line["level"] == level.as_str()), "{line}");
                let long = line["starts"].is_string() && line["characters"].is_u64();
                assert!(line["message"].is_string() || long, "{line}");
            }
        }
    }
}
