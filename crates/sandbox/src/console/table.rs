//! `console.table`: a row for each entry of a value, and a column for each key of these.

use std::collections::HashMap;

use super::inspect::{DEPTH_USUAL, ITEMS_MAX, Place};
use super::method::Call;
use super::reader::{Frame, Property, Read};
use super::text;

const COLUMNS_MAX: usize = 20;
const INDEX: &str = "(index)";

/// Cells by the number of their column.
#[derive(Debug)]
struct Table {
    columns: Vec<String>,
    rows: Vec<HashMap<usize, String>>,
}

impl Table {
    fn set(&mut self, label: String, cell: String) {
        let column = match self.columns.iter().position(|column| *column == label) {
            Some(column) => column,
            None if self.columns.len() <= COLUMNS_MAX => {
                self.columns.push(label);
                self.columns.len() - 1
            }
            None => return,
        };
        if let Some(row) = self.rows.last_mut() {
            row.insert(column, cell);
        }
    }

    fn text(mut self) -> String {
        let count = self.columns.len();
        let cells = |row: &mut HashMap<usize, String>| {
            (0..count).map(|column| row.remove(&column).unwrap_or_default()).collect()
        };
        let mut rows: Vec<Vec<_>> = self.rows.iter_mut().map(cells).collect();
        rows.insert(0, self.columns);
        text::table(&rows)
    }
}

impl Call {
    pub(super) async fn table(&mut self) -> Read<String> {
        let (frame, value) = self.argument(0).await?;
        let Some(mut data) = self.inspector.tabular(frame, &value, ITEMS_MAX).await? else {
            return Ok(self.show(frame, &value, DEPTH_USUAL).await);
        };
        let mut table = Table { columns: vec![INDEX.to_owned()], rows: Vec::new() };
        while let Some((index, row)) = self.inspector.next_entry(frame, &mut data).await? {
            table.rows.push(HashMap::new());
            table.set(INDEX.to_owned(), index);
            self.row(frame.inner()?, row, &mut table).await?;
        }
        Ok(table.text())
    }

    async fn row(&mut self, frame: Frame, row: Property, table: &mut Table) -> Read<()> {
        let cells = match row.getter {
            true => None,
            false => self.inspector.tabular(frame, &row.value, COLUMNS_MAX).await?,
        };
        let Some(mut cells) = cells else {
            let cell = self.cell(frame, &row).await;
            table.set("Values".to_owned(), cell);
            return Ok(());
        };
        while let Some((label, property)) = self.inspector.next_entry(frame, &mut cells).await? {
            let cell = self.cell(frame.inner()?, &property).await;
            table.set(label, cell);
        }
        Ok(())
    }

    async fn cell(&mut self, frame: Frame, property: &Property) -> String {
        let place = Place { level: DEPTH_USUAL as u32 + 1, indent: 0, root: frame };
        self.inspector.property(frame, property, place).await
    }
}
