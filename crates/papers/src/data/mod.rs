//! Real data: where it is looked for, and how it is fetched.
//!
//! [`DataPath`] finds a file by its name in the layout of `shared/data` and says by which [`Route`] it came;
//! [`DataCommand`] is `cargo xtask data`. Karate, football, the Wisconsin breast cancer table
//! and optdigits are compiled in (see `embedded/NOTICE.md`).

mod amazon;
mod catalogue;
mod command;
mod convert;
mod delimited;
mod error;
mod get;
mod graph_sets;
mod gt;
mod hash;
mod heart;
mod images;
mod labels;
mod npy;
mod office;
mod rated_texts;
mod search;
mod sets;
mod sparse;
mod texts;
mod tools;

pub use amazon::{LabelledCounts, ReviewDomain, amazon};
pub use catalogue::{Check, DataSet, Input, Original, Output, Package, Recipe, Terms, Tool, list, select};
pub use command::{DataCommand, get, table};
pub use convert::{Convert, ConvertError, keep};
pub use error::{DataError, ReadError};
pub use get::{GetOptions, Installed, clear_downloads, install};
pub use gt::{GtError, GtGraph, read_gt};
pub use heart::{HEART_COVARIATES, HeartSite, heart, read_heart_csv};
pub use images::{
    IdxImages, LabelledImages, Part, mnist, mnist_5k, optdigits, read_idx_images, read_idx_labels,
    read_mnist_csv, usps,
};
pub use labels::{Groups, LabelError, read_communities_json, read_groups_tsv};
pub use npy::read_npy_bytes;
pub use office::{NamedFeatures, office};
pub use rated_texts::{RatedTexts, read_rated_tsv, sentiment_four_domains};
pub use search::{DataPath, FindData, Found, MissingData, Route, cache_folder};
pub use sparse::{SparseRows, read_svmlight};
pub use texts::{LabelledTexts, Sst2Part, TextColumns, read_labelled_tsv, sst2};
