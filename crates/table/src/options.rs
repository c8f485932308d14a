use serde::{Deserialize, Serialize};

/// How a table is read. The default finds out everything.
///
/// ```
/// let options = kiln_table::TableOptions { words: vec!["postcode".into()], ..Default::default() };
/// let text = "postcode,rent\n01069,700\n80331,1400\n";
/// let table = kiln_table::read_table_from("homes.csv", text.as_bytes(), &options)?;
/// assert_eq!(table.column("postcode")?.values.text(0).as_deref(), Some("01069"));
/// # Ok::<(), kiln_table::TableError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TableOptions {
    /// What separates the cells of text; found from the first lines by default.
    pub separator: Option<char>,
    /// Whether the first line of text names the columns; by default, unless a number stands in it.
    pub names: Option<bool>,
    /// Columns that hold words even where they look like numbers or dates: postcodes, codes of classes.
    pub words: Vec<String>,
    /// Further words that mean missing, besides those of [`MISSING_WORDS`](crate::MISSING_WORDS).
    pub missing: Vec<String>,
}
