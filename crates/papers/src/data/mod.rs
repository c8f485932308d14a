//! Real data: where it is looked for, and how it is fetched.
//!
//! [`DataPath`] finds a file by its name in the layout of `shared/data` and says by which [`Route`] it came;
//! [`DataCommand`] is `cargo xtask data`. Karate, football and the Wisconsin breast cancer
//! table are compiled in (see `embedded/NOTICE.md`).

mod catalogue;
mod command;
mod convert;
mod error;
mod get;
mod graph_sets;
mod gt;
mod hash;
mod images;
mod labels;
mod search;
mod sets;
mod texts;
mod tools;

pub use catalogue::{Check, DataSet, Input, Original, Output, Package, Recipe, Terms, Tool, list, select};
pub use command::{DataCommand, get, table};
pub use convert::{Convert, ConvertError, keep};
pub use error::{DataError, ReadError};
pub use get::{GetOptions, Installed, clear_downloads, install};
pub use gt::{GtError, GtGraph, read_gt};
pub use images::{
    IdxImages, LabelledImages, MnistPart, mnist, mnist_5k, read_idx_images, read_idx_labels, read_mnist_csv,
};
pub use labels::{Groups, LabelError, read_communities_json, read_groups_tsv};
pub use search::{DataPath, FindData, Found, MissingData, Route, cache_folder};
pub use texts::{LabelledTexts, Sst2Part, TextColumns, read_labelled_tsv, sst2};
