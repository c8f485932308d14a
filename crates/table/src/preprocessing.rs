//! From the columns of a table to numbers, in a way that is fitted once and then the same for every table.
//!
//! Numbers stay as they are; a missing one becomes the median, and where any was missing in the fitted table
//! a column of indicators says so. Words become a column of indicators a level: of two levels, where none is
//! missing, one column for the second; missing words are a level. Columns are found by name, wherever they
//! stand.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{ColumnValues, DataTable, EncodedRows, PreprocessingNotice, TableColumn, TableError};

/// From so many levels on, a column of words is remarked upon.
const MANY: usize = 1000;
/// A table of fewer rows shows nothing about names and counts.
const FEW: usize = 20;
/// A number is remarked upon that is so many times as far from the median as the quartiles are from each
/// other.
const FAR: f64 = 1000.0;

/// How the columns of a table become numbers. It is saved with a model.
///
/// ```
/// use kiln_table::{Preprocessing, PreprocessingOptions, read_table_from};
///
/// let read = |text: &str| read_table_from("people.csv", text.as_bytes(), &Default::default());
/// let table = read("age,job\n30,cook\n,judge\n50,smith\n")?;
/// let (fitted, _) = Preprocessing::fit(&table, &PreprocessingOptions::default())?;
/// let (rows, notices) = fitted.apply(&read("job,age,pet\nsmith,,cat\nclown,20,dog\n")?)?;
/// assert_eq!(rows.columns, ["age", "age is missing", "job=cook", "job=judge", "job=smith"]);
/// assert_eq!(rows.to_dense(), [40.0, 1.0, 0.0, 0.0, 1.0, 20.0, 0.0, 0.0, 0.0, 0.0]);
/// assert!(notices[0].to_string().contains("\"clown\"") && notices[1].to_string().contains("\"pet\""));
/// # Ok::<(), kiln_table::TableError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preprocessing {
    columns: Vec<FittedColumn>,
}

/// A column as it was when it was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FittedColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: ColumnKind,
    /// Whether values were missing, for which there is a column of indicators.
    #[serde(default)]
    pub some_missing: bool,
}

/// What a fitted column holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ColumnKind {
    /// Numbers.
    Numbers {
        /// What a missing one becomes.
        median: f64,
    },
    /// Dates, as days since the start of 1970.
    Dates {
        /// What a missing one becomes.
        median: f64,
    },
    /// Words.
    Words {
        /// Every word, ascending.
        levels: Vec<String>,
    },
}

/// Which columns are used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PreprocessingOptions {
    /// Columns that are not used: the labels, weights, whatever must not be known.
    pub ignore: Vec<String>,
    /// Columns that are used even if they look like names, or count the rows.
    pub keep: Vec<String>,
}

impl Preprocessing {
    /// Looks at the columns of a table, and says what it will do with them. What is left out is in the
    /// notices.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] for a name in the options that no column has, [`TableError::NothingLeft`],
    /// and [`TableError::Infinite`].
    pub fn fit(
        table: &DataTable,
        options: &PreprocessingOptions,
    ) -> Result<(Self, Vec<PreprocessingNotice>), TableError> {
        for name in options.ignore.iter().chain(&options.keep) {
            table.column(name)?;
        }
        let ignored: HashSet<&String> = options.ignore.iter().collect();
        let mut notices = Vec::new();
        let mut columns = Vec::new();
        for column in table.columns().iter().filter(|column| !ignored.contains(&column.name)) {
            let keep = options.keep.contains(&column.name);
            columns.extend(fitted(table, column, keep, &mut notices)?);
        }
        if columns.is_empty() {
            let because = notices.iter().map(ToString::to_string).collect();
            return Err(TableError::NothingLeft { file: table.file().to_owned(), because });
        }
        Ok((Self { columns }, notices))
    }

    /// The columns that are used, in the order of their numbers.
    pub fn columns(&self) -> &[FittedColumn] {
        &self.columns
    }

    /// The columns of words: [`TableOptions::words`](crate::TableOptions::words) for tables to come, in which
    /// they may happen to look like numbers.
    pub fn words(&self) -> Vec<String> {
        let words = self.columns.iter().filter(|column| matches!(column.holds, ColumnKind::Words { .. }));
        words.map(|column| column.name.clone()).collect()
    }

    /// The names of the columns of numbers: `age`, `age is missing`, `job=cook`.
    pub fn encoded_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for column in &self.columns {
            let name = &column.name;
            match &column.holds {
                ColumnKind::Numbers { .. } | ColumnKind::Dates { .. } => names.push(name.clone()),
                ColumnKind::Words { levels } => {
                    names.extend(levels.iter().skip(column.skipped()).map(|level| format!("{name}={level}")));
                }
            }
            if column.some_missing {
                names.push(format!("{name} is missing"));
            }
        }
        names
    }

    /// The numbers of a table, whose columns are found by name. What is in the table and not used, or used
    /// and not known, is in the notices.
    ///
    /// # Errors
    /// [`TableError::NoColumn`], [`TableError::NoNumber`], [`TableError::Dates`] and
    /// [`TableError::Infinite`].
    pub fn apply(&self, table: &DataTable) -> Result<(EncodedRows, Vec<PreprocessingNotice>), TableError> {
        let mut notices = Vec::new();
        let mut matched = Vec::with_capacity(self.columns.len());
        for fitted in &self.columns {
            matched.push((fitted, fitted.matched(table, &mut notices)?));
        }
        let used: HashSet<&String> = self.columns.iter().map(|column| &column.name).collect();
        let extra: Vec<String> = table
            .columns()
            .iter()
            .filter(|column| !used.contains(&column.name))
            .map(|column| column.name.clone())
            .collect();
        if !extra.is_empty() {
            notices.push(PreprocessingNotice::ExtraColumns { columns: extra });
        }
        Ok((EncodedRows::of(self.encoded_names(), table.rows(), &matched), notices))
    }
}

impl FittedColumn {
    /// How many of its levels have no column: the first of two.
    pub(crate) fn skipped(&self) -> usize {
        match &self.holds {
            ColumnKind::Words { levels } => usize::from(levels.len() == 2 && !self.some_missing),
            ColumnKind::Numbers { .. } | ColumnKind::Dates { .. } => 0,
        }
    }

    /// The column of a table that has its name, in its terms.
    fn matched(
        &self,
        table: &DataTable,
        notices: &mut Vec<PreprocessingNotice>,
    ) -> Result<Matched, TableError> {
        let column = table.column(&self.name)?;
        let missing = column.missing_count();
        if missing > 0 && !self.some_missing {
            notices.push(PreprocessingNotice::UnseenMissing {
                column: self.name.clone(),
                rows: missing,
                spelled: column.missing.clone(),
            });
        }
        // A column without values has no type.
        if missing == table.rows() {
            return Ok(Matched::Missing);
        }
        match (&self.holds, &column.values) {
            (ColumnKind::Numbers { .. } | ColumnKind::Dates { .. }, ColumnValues::Words { .. }) => {
                Err(table.no_number(column))
            }
            (
                kind @ (ColumnKind::Numbers { .. } | ColumnKind::Dates { .. }),
                ColumnValues::Numbers(numbers),
            ) => {
                let dates = matches!(kind, ColumnKind::Dates { .. });
                if dates != column.dates {
                    let say = |dates| if dates { "dates" } else { "numbers" };
                    return Err(TableError::Dates {
                        file: table.file().to_owned(),
                        column: self.name.clone(),
                        found: say(column.dates),
                        expected: say(dates),
                    });
                }
                check_finite(table, column, numbers)?;
                Ok(Matched::Numbers(numbers.clone()))
            }
            (ColumnKind::Words { levels }, values) => {
                let mut unseen = Unseen::default();
                let codes = match values {
                    ColumnValues::Words { levels: there, codes } => {
                        let code_of: Vec<Result<u32, &String>> =
                            there.iter().map(|word| code(levels, word).ok_or(word)).collect();
                        let of = |&code: &u32| match code_of.get(code as usize) {
                            None => ColumnValues::MISSING,
                            Some(Ok(code)) => *code,
                            Some(Err(word)) => unseen.see(word),
                        };
                        codes.iter().map(of).collect()
                    }
                    ColumnValues::Numbers(numbers) => (0..numbers.len())
                        .map(|row| match values.text(row) {
                            None => ColumnValues::MISSING,
                            Some(word) => code(levels, &word).unwrap_or_else(|| unseen.see(&word)),
                        })
                        .collect(),
                };
                if unseen.rows > 0 {
                    notices.push(PreprocessingNotice::UnseenLevels {
                        column: self.name.clone(),
                        rows: unseen.rows,
                        examples: unseen.examples,
                    });
                }
                Ok(Matched::Words(codes))
            }
        }
    }
}

/// A column of a table in the terms of a fitted one.
pub(crate) enum Matched {
    /// NaN where missing.
    Numbers(Vec<f64>),
    /// Places in the fitted levels; [`ColumnValues::MISSING`] and [`UNSEEN`] for what has none.
    Words(Vec<u32>),
    /// Missing everywhere.
    Missing,
}

/// The code of a word that was not there when the columns were fitted.
pub(crate) const UNSEEN: u32 = u32::MAX - 1;

/// Words that have no level.
#[derive(Default)]
struct Unseen {
    rows: usize,
    examples: Vec<String>,
}

impl Unseen {
    fn see(&mut self, word: &str) -> u32 {
        self.rows += 1;
        if self.examples.len() < 20 && self.examples.iter().all(|example| example != word) {
            self.examples.push(word.to_owned());
        }
        UNSEEN
    }
}

fn code(levels: &[String], word: &str) -> Option<u32> {
    let place = levels.binary_search_by(|level| level.as_str().cmp(word)).ok()?;
    u32::try_from(place).ok()
}

fn check_finite(table: &DataTable, column: &TableColumn, numbers: &[f64]) -> Result<(), TableError> {
    match numbers.iter().position(|number| number.is_infinite()) {
        None => Ok(()),
        Some(row) => Err(TableError::Infinite {
            file: table.file().to_owned(),
            place: table.place(row),
            column: column.name.clone(),
        }),
    }
}

/// What becomes of a column; none where it is left out.
fn fitted(
    table: &DataTable,
    column: &TableColumn,
    keep: bool,
    notices: &mut Vec<PreprocessingNotice>,
) -> Result<Option<FittedColumn>, TableError> {
    let name = column.name.clone();
    let (rows, missing) = (table.rows(), column.missing_count());
    if missing == rows {
        notices.push(PreprocessingNotice::AllMissing { column: name });
        return Ok(None);
    }
    let spelled = column.missing.clone();
    let holds = match &column.values {
        ColumnValues::Numbers(numbers) => {
            check_finite(table, column, numbers)?;
            if !keep && rows >= FEW && counts_rows(numbers) {
                notices.push(PreprocessingNotice::CountsRows { column: name });
                return Ok(None);
            }
            if !keep && rows >= FEW && !column.dates && different_each(numbers) {
                notices.push(PreprocessingNotice::DifferentEach { column: name.clone() });
            }
            let [lower, median, upper] = quartiles(numbers);
            if let Some((row, value)) = far_value(numbers, median, upper - lower) {
                let place = table.place(row);
                notices.push(PreprocessingNotice::FarValue { column: name.clone(), value, place });
            }
            if missing > 0 {
                let column = name.clone();
                notices.push(PreprocessingNotice::MissingNumbers { column, rows: missing, spelled, median });
            }
            if column.dates { ColumnKind::Dates { median } } else { ColumnKind::Numbers { median } }
        }
        ColumnValues::Words { levels, .. } => {
            let present = rows - missing;
            if !keep && present >= FEW && 2 * levels.len() > present {
                notices.push(PreprocessingNotice::LikeNames {
                    column: name,
                    levels: levels.len(),
                    rows: present,
                });
                return Ok(None);
            }
            if missing > 0 {
                let column = name.clone();
                notices.push(PreprocessingNotice::MissingWords { column, rows: missing, spelled });
            }
            if levels.len() >= MANY {
                notices.push(PreprocessingNotice::ManyLevels { column: name.clone(), levels: levels.len() });
            }
            ColumnKind::Words { levels: levels.clone() }
        }
    };
    Ok(Some(FittedColumn { name, holds, some_missing: missing > 0 }))
}

/// Whether the numbers are 0, 1, 2, … or 1, 2, 3, ….
fn counts_rows(numbers: &[f64]) -> bool {
    let first = numbers.first().copied().unwrap_or(f64::NAN);
    (first == 0.0 || first == 1.0)
        && numbers.iter().enumerate().all(|(row, &number)| number == first + row as f64)
}

/// Whether the numbers are whole, and no two are the same.
fn different_each(numbers: &[f64]) -> bool {
    let mut seen = HashSet::with_capacity(numbers.len());
    numbers.iter().all(|number| number.fract() == 0.0 && seen.insert(number.to_bits()))
}

/// The quartiles of what is not missing; the median of an even number is the mean of the middle two.
fn quartiles(numbers: &[f64]) -> [f64; 3] {
    let mut present: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    present.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| present.get(place).copied().unwrap_or(0.0);
    let (count, middle) = (present.len(), present.len() / 2);
    let median = if count % 2 == 1 { at(middle) } else { at(middle.saturating_sub(1)).midpoint(at(middle)) };
    [at(count / 4), median, at((3 * count / 4).min(count.saturating_sub(1)))]
}

/// The number furthest from the median, and its row, if that is very far as the quartiles go.
fn far_value(numbers: &[f64], median: f64, spread: f64) -> Option<(usize, f64)> {
    let apart = |number: f64| (number - median).abs();
    let present = numbers.iter().copied().enumerate().filter(|(_, number)| !number.is_nan());
    let (row, value) = present.max_by(|a, b| apart(a.1).total_cmp(&apart(b.1)))?;
    (spread > 0.0 && apart(value) > FAR * spread).then_some((row, value))
}
