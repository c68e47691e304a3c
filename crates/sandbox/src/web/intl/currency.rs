//! Currencies: their digits, symbols and names.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use crate::web::refused;

/// `native.currency(code)`: the code in capitals, and how many digits amounts have after the point, or `null` for what is no
/// code.
pub(super) const NATIVE: Native = Native { name: "currency", arguments: 1, call: currency };

/// A line for each: code, digits, symbol, narrow symbol, name of one, name of many. A symbol that is the code is empty.
const TABLE: &str = include_str!("currencies.txt");

struct Row {
    digits: &'static str,
    symbol: &'static str,
    narrow: &'static str,
    one: &'static str,
    many: &'static str,
}

/// The table's lines are sorted and begin with their code.
fn row(code: &str) -> Option<Row> {
    let line = TABLE.lines().find(|line| line.starts_with(code))?;
    let mut cells = line.split('\t').skip(1);
    let mut cell = || cells.next().unwrap_or_default();
    Some(Row { digits: cell(), symbol: cell(), narrow: cell(), one: cell(), many: cell() })
}

/// As amounts of it are marked; `display` is `symbol`, `narrowSymbol` or `code`.
pub(super) fn symbol<'a>(code: &'a str, display: &str) -> &'a str {
    let found = row(code).map_or("", |row| match display {
        "symbol" => row.symbol,
        "narrowSymbol" => row.narrow,
        _ => "",
    });
    if found.is_empty() { code } else { found }
}

pub(super) fn name(code: &str, is_one: bool) -> &str {
    row(code).map_or(code, |row| if is_one { row.one } else { row.many })
}

fn currency(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(code)] = arguments else { return Err(refused()) };
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(NativeValue::Null);
    }
    let code = code.to_ascii_uppercase();
    let digits = row(&code).map_or("2", |row| row.digits);
    Ok(NativeValue::String(code + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for line in TABLE.lines() {
            let cells: Vec<_> = line.split('\t').collect();
            assert_eq!(cells.len(), 6, "{line}");
            assert!(cells[0].len() == 3 && cells[1].parse::<u8>().is_ok_and(|digits| digits <= 4), "{line}");
            assert!(!cells[4].is_empty() && !cells[5].is_empty(), "{line}");
        }
        assert!(TABLE.lines().is_sorted());
        assert_eq!((symbol("EUR", "symbol"), symbol("XYZ", "symbol"), name("USD", true)), ("€", "XYZ", "US dollar"));
    }
}
