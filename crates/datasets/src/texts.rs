//! Labelled texts: tab-separated tables, and SST-2.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read;

use kiln_core::data::{DataUse, FindData};

use super::error::{LoadError, ReadError};
use super::search::reader;

/// Texts, or pairs of texts, with a class each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTexts {
    /// The texts.
    pub texts: Vec<String>,
    /// The second texts of a task on pairs; otherwise empty.
    pub seconds: Vec<String>,
    /// Class of each text: a place in `classes`.
    pub labels: Vec<usize>,
    /// Labels as the table writes them: in order of their number if all are whole numbers, else of the
    /// alphabet.
    pub classes: Vec<String>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

/// Which columns of a table hold what; what is `None` is found by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextColumns {
    /// The text: a name of the header, or the number of a column from 1.
    pub text: Option<String>,
    /// The second text of a task on pairs.
    pub second: Option<String>,
    /// The label.
    pub label: Option<String>,
}

/// Names of a text's column, most telling first.
const TEXT_NAMES: [&str; 3] = ["sentence", "text", "phrase"];

/// Names of the two columns of a task on pairs.
const PAIR_NAMES: [(&str, &str); 7] = [
    ("question", "sentence"),
    ("text", "hypothesis"),
    ("premise", "hypothesis"),
    ("sentence_a", "sentence_b"),
    ("sentence1", "sentence2"),
    ("text_a", "text_b"),
    ("question1", "question2"),
];

/// More classes mean that the column is none of classes.
const MOST_CLASSES: usize = 200;

impl LabelledTexts {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The texts at these places, in this order.
    ///
    /// # Panics
    /// When a place is not below `self.len()`.
    #[must_use]
    pub fn select(&self, places: &[usize]) -> Self {
        let of = |texts: &[String]| places.iter().filter_map(|&i| texts.get(i).cloned()).collect();
        Self {
            texts: of(&self.texts),
            seconds: of(&self.seconds),
            labels: places.iter().map(|&i| self.labels[i]).collect(),
            classes: self.classes.clone(),
            sources: self.sources.clone(),
        }
    }

    /// Number of texts in each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in &self.labels {
            counts[label] += 1;
        }
        counts
    }
}

/// Reads a table of UTF-8 text: one row a line, fields separated by tabs, no quoting. `name` is for messages.
///
/// The first line is a header if `columns` has a name in it or if one of its fields is `label`. Without a
/// header the table has two columns, of which exactly one is all whole numbers: the label. `classes`, if
/// given, are the only labels allowed, such as those of the training table.
///
/// ```
/// use kiln_datasets::{TextColumns, read_labelled_tsv};
/// let table = "label\tsentence\n1\tfine\n0\tdreary\n";
/// let read = read_labelled_tsv("a.tsv", table.as_bytes(), &TextColumns::default(), None).unwrap();
/// assert_eq!((&read.texts[0][..], read.labels[0], &read.classes[1][..]), ("fine", 1, "1"));
/// ```
///
/// # Errors
/// [`ReadError`], with the line where there is one: no such column, a column that cannot be guessed, a row of
/// another length, an empty text, a label that is not among `classes`, no rows, labels that are no classes.
pub fn read_labelled_tsv(
    name: &str,
    mut reader: impl Read,
    columns: &TextColumns,
    classes: Option<&[String]>,
) -> Result<LabelledTexts, ReadError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(ReadError::io(name))?;
    let fault = |line: Option<usize>, reason: String| ReadError::malformed(name, line, reason);
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|&byte| byte == b'\n').count();
        fault(Some(line), "this is not UTF-8 text".into())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let Some(first) = lines.first() else {
        return Err(fault(None, "the file is empty".into()));
    };
    let named = [&columns.text, &columns.second, &columns.label];
    let has_header = named.into_iter().flatten().any(|name| name.parse::<usize>().is_err())
        || first.iter().any(|field| field.eq_ignore_ascii_case("label"));
    let (header, rows, offset) =
        if has_header { (Some(first.as_slice()), &lines[1..], 2) } else { (None, &lines[..], 1) };
    if rows.is_empty() {
        return Err(fault(None, "the table has a header and no rows".into()));
    }
    for (index, row) in rows.iter().enumerate() {
        if row.len() != first.len() {
            let reason = format!("{} fields, the first line has {}", row.len(), first.len());
            return Err(fault(Some(index + offset), reason));
        }
    }
    let places = Places::find(columns, header, rows, first.len()).map_err(|reason| fault(None, reason))?;

    let wanted = |&(index, row): &(usize, &Vec<&str>)| {
        let texts = [Some(places.text), places.second].into_iter().flatten().collect::<Vec<_>>();
        texts.iter().find(|&&place| row[place].trim().is_empty()).map(|&place| (index, place))
    };
    if let Some((index, place)) = rows.iter().enumerate().find_map(|row| wanted(&row)) {
        return Err(fault(Some(index + offset), format!("the text in column {} is empty", place + 1)));
    }
    let classes = match classes {
        Some(classes) => classes.to_vec(),
        None => classes_of(rows.iter().map(|row| row[places.label])).map_err(|reason| fault(None, reason))?,
    };
    let mut labels = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let label = row[places.label];
        labels.push(classes.iter().position(|class| class == label).ok_or_else(|| {
            let known = classes.join(", ");
            fault(Some(index + offset), format!("label \"{label}\" is none of the training labels: {known}"))
        })?);
    }
    let column = |place: usize| rows.iter().map(|row| row[place].to_owned()).collect();
    Ok(LabelledTexts {
        texts: column(places.text),
        seconds: places.second.map(column).unwrap_or_default(),
        labels,
        classes,
        sources: Vec::new(),
    })
}

fn classes_of<'a>(labels: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let distinct: BTreeSet<&str> = labels.collect();
    if distinct.len() > MOST_CLASSES {
        let example = distinct.first().copied().unwrap_or_default();
        return Err(format!(
            "the label column has {} different values, such as \"{example}\": is it a column of classes? \
             (--label-column names another; numbers to predict are not supported)",
            distinct.len()
        ));
    }
    let mut classes: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    let numbers: Option<Vec<i64>> = classes.iter().map(|class| class.parse().ok()).collect();
    if numbers.is_some() {
        classes.sort_by_key(|class| class.parse::<i64>().unwrap_or_default());
    }
    Ok(classes)
}

struct Places {
    text: usize,
    second: Option<usize>,
    label: usize,
}

impl Places {
    fn find(
        columns: &TextColumns,
        header: Option<&[&str]>,
        rows: &[Vec<&str>],
        width: usize,
    ) -> Result<Self, String> {
        let known = match header {
            Some(header) => format!("the header has: {}", header.join(", ")),
            None => format!("there is no header, and {width} column{}", if width == 1 { "" } else { "s" }),
        };
        let place = |wanted: &str| -> Result<usize, String> {
            let by_name = header.and_then(|header| header.iter().position(|name| *name == wanted));
            let by_number = || wanted.parse().ok().filter(|number| (1..=width).contains(number));
            by_name
                .or_else(|| by_number().map(|number: usize| number - 1))
                .ok_or_else(|| format!("no column \"{wanted}\"; {known}"))
        };
        let given = |column: &Option<String>| column.as_deref().map(place).transpose();
        let (text, mut second, label) =
            (given(&columns.text)?, given(&columns.second)?, given(&columns.label)?);
        let named = |wanted: &str| {
            header.and_then(|header| header.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
        };
        let label = match (label, header) {
            (Some(label), _) => label,
            (None, Some(_)) => {
                named("label").ok_or_else(|| format!("no column \"label\"; {known}; give --label-column"))?
            }
            (None, None) => the_numbers(rows, width, text).ok_or_else(|| {
                format!("which column is the label? {known}; give --label-column and --text-column")
            })?,
        };
        let text = match (text, header) {
            (Some(text), _) => text,
            (None, Some(_)) => {
                let pair = PAIR_NAMES.iter().find_map(|(first, other)| Some((named(first)?, named(other)?)));
                match pair {
                    // Half of a pair would be another task.
                    Some((first, other)) if second.is_none() => {
                        second = Some(other);
                        first
                    }
                    _ => TEXT_NAMES
                        .iter()
                        .find_map(|name| named(name))
                        .ok_or_else(|| format!("which column is the text? {known}; give --text-column"))?,
                }
            }
            (None, None) if width == 2 => 1 - label.min(1),
            (None, None) => return Err(format!("which column is the text? {known}; give --text-column")),
        };
        let mut used: Vec<usize> = [Some(text), second, Some(label)].into_iter().flatten().collect();
        used.sort_unstable();
        if let Some(pair) = used.windows(2).find(|pair| pair[0] == pair[1]) {
            let mut reason = format!("column {} is asked for twice", pair[0] + 1);
            let _ = write!(reason, "; {known}");
            return Err(reason);
        }
        Ok(Self { text, second, label })
    }
}

/// The only column, other than `text`, whose fields are all whole numbers.
fn the_numbers(rows: &[Vec<&str>], width: usize, text: Option<usize>) -> Option<usize> {
    let is_numbers = |place: &usize| rows.iter().all(|row| row[*place].trim().parse::<i64>().is_ok());
    let found: Vec<usize> = (0..width).filter(|place| Some(*place) != text).filter(is_numbers).collect();
    (found.len() == 1).then(|| found[0])
}

/// A part of SST-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sst2Part {
    /// 6,920 sentences to train on.
    Train,
    /// 872 sentences to choose settings on: the part that GLUE calls its development set.
    Dev,
    /// 1,821 sentences to test on.
    Test,
    /// The 77,616 phrases inside the training sentences; GLUE trains on them.
    Phrases,
}

/// SST-2: sentences of film reviews, negative (class 0) or positive (class 1).
///
/// # Errors
/// [`LoadError::Missing`] when it is not found, [`LoadError::Read`] when it cannot be read.
pub fn sst2(data: &impl FindData, part: Sst2Part) -> Result<LabelledTexts, LoadError> {
    let found = data.find_data(match part {
        Sst2Part::Train => "text/sst2-train.tsv",
        Sst2Part::Dev => "text/sst2-dev.tsv",
        Sst2Part::Test => "text/sst2-test.tsv",
        Sst2Part::Phrases => "text/sst2-train-phrases.tsv.gz",
    })?;
    let classes = ["0".to_owned(), "1".to_owned()];
    let mut read = read_labelled_tsv(&found.name, reader(&found)?, &TextColumns::default(), Some(&classes))?;
    read.sources = vec![found.used(read.len())];
    Ok(read)
}
