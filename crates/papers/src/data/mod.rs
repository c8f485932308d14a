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
mod labels;
mod search;
mod sets;
mod tools;

pub use catalogue::{Check, DataSet, Input, Original, Output, Package, Recipe, Terms, Tool, list, select};
pub use command::{DataCommand, get, table};
pub use convert::{Convert, ConvertError, keep};
pub use error::DataError;
pub use get::{GetOptions, Installed, clear_downloads, install};
pub use gt::{GtError, GtGraph, read_gt};
pub use labels::{Groups, LabelError, read_communities_json, read_groups_tsv};
pub use search::{DataPath, Found, MissingData, Route, cache_folder};
