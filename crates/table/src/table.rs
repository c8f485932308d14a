//! A table as it was read.

use std::collections::HashSet;
use std::fmt;

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::{TableError, TableNote};

/// Named, typed columns of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct DataTable {
    pub(crate) file: String,
    pub(crate) columns: Vec<TableColumn>,
    pub(crate) rows: usize,
    /// The line of each row, for text.
    pub(crate) lines: Option<Vec<u64>>,
    pub(crate) notes: Vec<TableNote>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    /// Its name, which no other column has.
    pub name: String,
    /// What stands in it, one a row.
    pub values: ColumnValues,
    /// Whether its numbers are dates: days since the start of 1970.
    pub dates: bool,
    /// How missing values were spelled, and how many each; nulls of binary formats are spelled as nothing.
    pub missing: Vec<(String, usize)>,
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// Words.
    Words {
        /// Each word once, ascending.
        levels: Vec<String>,
        /// For each row its place in `levels`; [`ColumnValues::MISSING`] is missing.
        codes: Vec<u32>,
    },
}

/// A row, as a reader of the file finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A line of text, counted from 1.
    Line(u64),
    /// A row, counted from 1.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl ColumnValues {
    /// The code of a word that is missing.
    pub const MISSING: u32 = u32::MAX;

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Words { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no value in a row.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.get(row).is_none_or(|number| number.is_nan()),
            Self::Words { codes, .. } => codes.get(row).is_none_or(|code| *code == Self::MISSING),
        }
    }

    /// What stands in a row, as text; none where it is missing.
    pub fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Numbers(numbers) => {
                numbers.get(row).filter(|number| !number.is_nan()).map(|number| format!("{number}"))
            }
            Self::Words { levels, codes } => {
                codes.get(row).and_then(|code| levels.get(*code as usize)).cloned()
            }
        }
    }
}

impl TableColumn {
    /// A column of numbers, NaN where there is none.
    pub fn numbers(name: impl Into<String>, numbers: Vec<f64>) -> Self {
        let absent = numbers.iter().filter(|number| number.is_nan()).count();
        let missing = if absent > 0 { vec![(String::new(), absent)] } else { Vec::new() };
        Self { name: name.into(), values: ColumnValues::Numbers(numbers), dates: false, missing }
    }

    /// How many rows have no value.
    pub fn missing_count(&self) -> usize {
        self.missing.iter().map(|(_, count)| count).sum()
    }
}

impl DataTable {
    /// A table from columns in memory; `file` is what errors call it.
    ///
    /// # Errors
    /// Without columns or rows, when lengths differ, when a name occurs twice, or when a code has no level.
    pub fn new(file: impl Into<String>, columns: Vec<TableColumn>) -> Result<Self, TableError> {
        check::not_empty("the list of columns", columns.len())?;
        let rows = columns.first().map_or(0, |column| column.values.len());
        check::not_empty("the list of rows", rows)?;
        let mut names = HashSet::new();
        for column in &columns {
            let what = format!("rows of the column {:?}", column.name);
            if column.values.len() != rows {
                return Err(InputError::size(what, column.values.len(), rows).into());
            }
            if !names.insert(&column.name) {
                return Err(InputError::size(format!("columns named {:?}", column.name), 2, 1).into());
            }
            if let ColumnValues::Words { levels, codes } = &column.values {
                let wrong = |code: &u32| *code != ColumnValues::MISSING && *code as usize >= levels.len();
                if let Some(code) = codes.iter().copied().find(|code| wrong(code)) {
                    return Err(InputError::index("level", code as usize, levels.len()).into());
                }
            }
        }
        Ok(Self { file: file.into(), columns, rows, lines: None, notes: Vec::new() })
    }

    /// The rows of several tables, one below the other, with the columns that all of them have, in the order
    /// of the first. A column that holds words in one of them holds words.
    ///
    /// ```
    /// use kiln_table::{DataTable, read_table_from};
    ///
    /// let read = |text: &str| read_table_from("a.csv", text.as_bytes(), &Default::default());
    /// let one = DataTable::stacked(&[read("x,y\n1,a\n")?, read("y,z,x\nb,0,2\n")?])?;
    /// assert_eq!((one.rows(), one.columns().len()), (2, 2));
    /// assert_eq!(one.numbers("x")?, [1.0, 2.0]);
    /// assert_eq!(one.column("y")?.values.text(1).as_deref(), Some("b"));
    /// # Ok::<(), kiln_table::TableError>(())
    /// ```
    ///
    /// # Errors
    /// Without tables or a common column, and [`TableError::Dates`] where one has dates and another numbers.
    pub fn stacked(tables: &[Self]) -> Result<Self, TableError> {
        check::not_empty("the list of tables", tables.len())?;
        let mut columns = Vec::new();
        for column in &tables[0].columns {
            let found: Option<Vec<&TableColumn>> = tables
                .iter()
                .map(|table| table.columns.iter().find(|other| other.name == column.name))
                .collect();
            let Some(parts) = found else { continue };
            if let Some(at) = parts.iter().position(|part| part.dates != column.dates) {
                let say = |dates| if dates { "dates" } else { "numbers" };
                return Err(TableError::Dates {
                    file: tables[at].file.clone(),
                    column: column.name.clone(),
                    found: say(parts[at].dates),
                    expected: say(column.dates),
                });
            }
            columns.push(below_each_other(&parts));
        }
        let files: Vec<&str> = tables.iter().map(Self::file).collect();
        check::not_empty(
            format!("the list of columns that {} have in common", files.join(", ")),
            columns.len(),
        )?;
        Self::new(files.join(", "), columns)
    }

    /// The file, as errors name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the order of the file.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// What was made of the file that may not be what was meant.
    pub fn notes(&self) -> &[TableNote] {
        &self.notes
    }

    /// Where a row stands in the file; rows count from 0.
    pub fn place(&self, row: usize) -> Place {
        match self.lines.as_ref().and_then(|lines| lines.get(row)) {
            Some(&line) => Place::Line(line),
            None => Place::Row(row + 1),
        }
    }

    /// The column of a name.
    ///
    /// # Errors
    /// [`TableError::NoColumn`], which says what there is.
    pub fn column(&self, name: &str) -> Result<&TableColumn, TableError> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| self.no_column(name))
    }

    /// The numbers of a column.
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::NoNumber`] where it holds words.
    pub fn numbers(&self, name: &str) -> Result<&[f64], TableError> {
        let column = self.column(name)?;
        match &column.values {
            ColumnValues::Numbers(numbers) => Ok(numbers),
            ColumnValues::Words { .. } => Err(self.no_number(column)),
        }
    }

    /// The error that names the first word of a column that must hold numbers.
    pub(crate) fn no_number(&self, column: &TableColumn) -> TableError {
        let word = |row: usize| column.values.text(row).filter(|text| text.parse::<f64>().is_err());
        let first = (0..self.rows).find_map(|row| word(row).map(|text| (row, text)));
        let (row, found) = first.unwrap_or_else(|| (0, column.values.text(0).unwrap_or_default()));
        TableError::NoNumber {
            file: self.file.clone(),
            place: self.place(row),
            column: column.name.clone(),
            found,
        }
    }

    pub(crate) fn no_column(&self, name: &str) -> TableError {
        let wanted = name.trim().to_lowercase();
        let alike = |other: &str| strsim::jaro_winkler(&wanted, &other.trim().to_lowercase());
        let like = self.columns.iter().map(|column| (alike(&column.name), &column.name));
        let like = like.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(alike, _)| *alike >= 0.85);
        TableError::NoColumn {
            file: self.file.clone(),
            column: name.to_owned(),
            like: like.map(|(_, name)| name.clone()),
            columns: self.columns.iter().map(|column| column.name.clone()).collect(),
        }
    }
}

/// Columns of one name as one.
fn below_each_other(parts: &[&TableColumn]) -> TableColumn {
    let numbers: Option<Vec<f64>> = parts
        .iter()
        .map(|part| match &part.values {
            ColumnValues::Numbers(numbers) => Some(numbers.as_slice()),
            ColumnValues::Words { .. } => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|parts| parts.concat());
    let values = numbers.map_or_else(|| words_below_each_other(parts), ColumnValues::Numbers);
    let mut missing: Vec<(String, usize)> = Vec::new();
    for (spelled, count) in parts.iter().flat_map(|part| &part.missing) {
        match missing.iter_mut().find(|(known, _)| known == spelled) {
            Some((_, all)) => *all += count,
            None => missing.push((spelled.clone(), *count)),
        }
    }
    TableColumn { name: parts[0].name.clone(), values, dates: parts[0].dates, missing }
}

fn words_below_each_other(parts: &[&TableColumn]) -> ColumnValues {
    let words: Vec<Option<String>> =
        parts.iter().flat_map(|part| (0..part.values.len()).map(|row| part.values.text(row))).collect();
    let levels: Vec<String> =
        words.iter().flatten().collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect();
    let code = |word: &Option<String>| match word {
        Some(word) => levels.binary_search(word).map_or(ColumnValues::MISSING, |code| code as u32),
        None => ColumnValues::MISSING,
    };
    let codes = words.iter().map(code).collect();
    ColumnValues::Words { levels, codes }
}
