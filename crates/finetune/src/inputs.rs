//! The texts of a run: found, read, drawn and checked.

use std::path::Path;

use kiln_datasets::{DataPath, LabelledTexts, TextColumns, open, read_labelled_tsv};
use kiln_optim::{Order, Sampler};

use super::error::{FinetuneError, at};
use super::model::in_folder;

/// A table of texts, and which of its rows are wanted.
#[derive(Debug, Clone)]
pub struct TextTable {
    /// Its path, or its name in the layout of `shared/data`.
    pub name: String,
    /// Which columns hold what; by default they are found by their names.
    pub columns: TextColumns,
    /// So many rows, drawn by the seed; all by default.
    pub limit: Option<usize>,
    /// Seed of the draw; 0 by default.
    pub seed: u64,
}

impl TextTable {
    /// All rows of a table.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), columns: TextColumns::default(), limit: None, seed: 0 }
    }

    /// Reads the table. With `classes` only these labels are allowed; `option` is what messages call the
    /// table.
    ///
    /// # Errors
    /// [`FinetuneError`]: no such table, a malformed row, a label that is not among `classes`, more rows than
    /// there are; without `classes` also a table of one class.
    pub fn read(
        &self,
        option: &'static str,
        classes: Option<&[String]>,
        data: &DataPath,
    ) -> Result<LabelledTexts, FinetuneError> {
        let Self { name, columns, limit, seed } = self;
        let refuse = |reason: String| Err(FinetuneError::Setting { option, reason });
        let path = Path::new(name);
        let found = if path.is_file() {
            in_folder(path)?
        } else if path.is_dir() {
            return refuse(format!("{name} is a folder; name a table of texts in it"));
        } else {
            data.find(name)?
        };
        let reader = open(&found).map_err(at(path))?;
        let mut texts = read_labelled_tsv(name, reader, columns, classes)?;
        texts.sources = vec![found.used(texts.len())];
        if let Some(limit) = *limit {
            if limit == 0 || limit > texts.len() {
                return refuse(format!(
                    "{limit} of {} rows were asked for; it must be 1 to that",
                    texts.len()
                ));
            }
            let places =
                Sampler::new(Order::IndependentSubsets, texts.len(), limit, *seed)?.next_batch().to_vec();
            texts = texts.select(&places);
        }
        if classes.is_none() {
            let counts = texts.counts();
            if counts.iter().filter(|&&count| count > 0).count() < 2 {
                let class =
                    counts.iter().position(|&count| count > 0).map_or("", |class| &texts.classes[class]);
                let drawn = if limit.is_some() { " among the rows drawn" } else { "" };
                return refuse(format!(
                    "every label{drawn} is \"{class}\"; there must be two classes at least (--label-column names \
                     another column)"
                ));
            }
        }
        Ok(texts)
    }
}
