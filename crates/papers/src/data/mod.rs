//! Real data: where it is looked for, and how it is fetched.
//!
//! [`DataPath`] finds a file by its name in the layout of `shared/data` and says by which [`Route`] it came;
//! [`DataCommand`] is `cargo xtask data`. Karate, football, the Wisconsin breast cancer table
//! and optdigits are compiled in (see `embedded/NOTICE.md`).

mod amazon;
mod catalogue;
#[cfg(feature = "interpret")]
mod colours;
mod command;
mod convert;
#[cfg(feature = "interpret")]
mod decoys;
mod delimited;
#[cfg(feature = "interpret")]
mod digit_networks;
mod error;
mod get;
#[cfg(feature = "interpret")]
mod glyphs;
mod graph_sets;
mod gt;
mod hash;
mod heart;
mod images;
mod labels;
mod npy;
mod office;
#[cfg(feature = "interpret")]
mod pictures;
mod rated_texts;
mod search;
mod series;
mod sets;
mod sparse;
mod texts;
mod tools;

pub use amazon::{LabelledCounts, ReviewDomain, amazon};
pub use catalogue::{Check, DataSet, Input, Original, Output, Package, Recipe, Terms, Tool, list, select};
#[cfg(feature = "interpret")]
pub use colours::{coloured, palette};
pub use command::{DataCommand, get, table};
pub use convert::{Convert, ConvertError, keep};
#[cfg(feature = "interpret")]
pub use decoys::{Grey, add_decoys, corners};
#[cfg(feature = "interpret")]
pub use digit_networks::{AwdCnn, TrimLeNet};
pub use error::{DataError, ReadError};
pub use get::{GetOptions, Installed, clear_downloads, install};
#[cfg(feature = "interpret")]
pub use glyphs::glyphs;
pub use gt::{GtError, GtGraph, read_gt};
pub use heart::{HEART_COVARIATES, HeartSite, heart, read_heart_csv};
pub use images::{
    IdxImages, LabelledImages, Part, mnist, mnist_5k, optdigits, read_idx_images, read_idx_labels,
    read_mnist_csv, usps,
};
pub use labels::{Groups, LabelError, read_communities_json, read_groups_tsv};
pub use npy::read_npy_bytes;
pub use office::{NamedFeatures, office};
#[cfg(feature = "interpret")]
pub use pictures::Pictures;
pub use rated_texts::{RatedTexts, read_rated_tsv, sentiment_four_domains};
pub use search::{DataPath, FindData, Found, MissingData, Route, cache_folder};
pub use series::{LabelledSeries, read_series_csv, ucr};
pub use sparse::{SparseRows, read_svmlight};
pub use texts::{LabelledTexts, Sst2Part, TextColumns, read_labelled_tsv, sst2};
