//! From the text of a column's cells to its type.

use std::collections::HashMap;

use crate::dates::days;
use crate::{ColumnValues, Place, TableColumn, TableNote};

/// What cells hold that are missing, besides nothing at all.
pub const MISSING_WORDS: [&str; 12] =
    ["NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NAN", "-nan", "null", "NULL", "Null", "?"];

/// A column with at least this share of numbers is thought to be meant as one.
const ALMOST: f64 = 0.9;

/// The cells of a column, end to end.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    text: String,
    ends: Vec<usize>,
}

/// What is known of a column before it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Further words for missing.
    pub(crate) missing: &'a [String],
    /// Whether the column holds words, whatever they look like.
    pub(crate) words: bool,
    /// Whether a comma may stand before decimals.
    pub(crate) commas: bool,
}

impl Cells {
    pub(crate) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.text.get(start..end).unwrap_or_default())
    }

    /// The column that these cells are. `place` says where a row stands.
    pub(crate) fn typed(
        self,
        name: &str,
        look: Look<'_>,
        place: impl Fn(usize) -> Place,
        notes: &mut Vec<TableNote>,
    ) -> TableColumn {
        let mut missing: Vec<(String, usize)> = Vec::new();
        let absent =
            |cell: &str| cell.is_empty() || MISSING_WORDS.contains(&cell) || is_one_of(cell, look.missing);
        for cell in self.iter().filter(|cell| absent(cell)) {
            match missing.iter_mut().find(|(spelled, _)| spelled == cell) {
                Some((_, count)) => *count += 1,
                None => missing.push((cell.to_owned(), 1)),
            }
        }
        let column =
            |values, dates| TableColumn { name: name.to_owned(), values, dates, missing: missing.clone() };
        let parsed = |parse: &dyn Fn(&str) -> Option<f64>| self.numbers(&absent, parse);
        if look.words {
            return column(self.words(&absent), false);
        }
        if let Ok(numbers) = parsed(&number) {
            return column(ColumnValues::Numbers(numbers), false);
        }
        if look.commas
            && let Ok(numbers) = parsed(&|cell| number(&cell.replacen(',', ".", 1)))
        {
            notes.push(TableNote::DecimalCommas { column: name.to_owned() });
            return column(ColumnValues::Numbers(numbers), false);
        }
        if let Ok(numbers) = parsed(&days) {
            notes.push(TableNote::Dates { column: name.to_owned() });
            return column(ColumnValues::Numbers(numbers), true);
        }
        let present = self.iter().enumerate().filter(|(_, cell)| !absent(cell));
        let (mut count, mut words, mut first) = (0_usize, 0_usize, None);
        for (row, cell) in present {
            count += 1;
            if number(cell).is_none() {
                words += 1;
                first = first.or_else(|| Some((row, cell.to_owned())));
            }
        }
        if let Some((row, found)) = first
            && (count - words) as f64 >= ALMOST * count as f64
        {
            let (column, place) = (name.to_owned(), place(row));
            notes.push(TableNote::AlmostNumbers { column, cells: words, found, place });
        }
        column(self.words(&absent), false)
    }

    /// All cells as numbers, or nothing where one is none.
    fn numbers(
        &self,
        absent: &dyn Fn(&str) -> bool,
        parse: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<Vec<f64>, ()> {
        let of = |cell: &str| if absent(cell) { Some(f64::NAN) } else { parse(cell) };
        self.iter().map(|cell| of(cell).ok_or(())).collect()
    }

    fn words(&self, absent: &dyn Fn(&str) -> bool) -> ColumnValues {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut codes = Vec::with_capacity(self.len());
        for cell in self.iter() {
            let next = u32::try_from(known.len()).unwrap_or(ColumnValues::MISSING);
            codes.push(if absent(cell) { ColumnValues::MISSING } else { *known.entry(cell).or_insert(next) });
        }
        let mut sorted: Vec<(&str, u32)> = known.into_iter().collect();
        sorted.sort_unstable();
        let mut place = vec![0; sorted.len()];
        for (at, &(_, code)) in (0..).zip(&sorted) {
            if let Some(place) = place.get_mut(code as usize) {
                *place = at;
            }
        }
        for code in &mut codes {
            *code = place.get(*code as usize).copied().unwrap_or(ColumnValues::MISSING);
        }
        let levels = sorted.into_iter().map(|(level, _)| level);
        ColumnValues::Words { levels: truth_values(levels), codes }
    }
}

/// A number, which may be infinite.
fn number(cell: &str) -> Option<f64> {
    cell.parse::<f64>().ok().filter(|number| !number.is_nan())
}

fn is_one_of(cell: &str, words: &[String]) -> bool {
    words.iter().any(|word| word == cell)
}

/// `True` and `TRUE` are `true`, as binary formats have it.
fn truth_values<'a>(levels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let levels: Vec<String> = levels.map(str::to_owned).collect();
    let lower: Vec<String> = levels.iter().map(|level| level.to_lowercase()).collect();
    match &lower[..] {
        [one] if one == "true" || one == "false" => lower,
        [no, yes] if no == "false" && yes == "true" => lower,
        _ => levels,
    }
}
