//! Real data: where it is looked for, how it is fetched, and how it is read.
//!
//! [`DataPath`] finds a file by its name in the layout of `shared/data` and says by which [`Route`] it came;
//! [`list`] is the catalogue, [`install`] fetches a data set into the cache and checks it, [`DataCommand`] is
//! `cargo xtask data`. Readers give tables, images, series, texts and labels. Karate, football, the Wisconsin
//! breast cancer table and optdigits are compiled in (see `embedded/NOTICE.md`).
//!
//! ```
//! use kiln_datasets::{DataPath, optdigits};
//!
//! let digits = optdigits(&DataPath::new(None))?;
//! assert_eq!((digits.labels.len(), digits.height, digits.width), (1797, 8, 8));
//! # Ok::<(), kiln_datasets::LoadError>(())
//! ```

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
mod list;
mod npy;
mod office;
mod rated_texts;
mod search;
mod series;
mod sets;
mod sparse;
mod texts;
mod tools;

pub use kiln_core::data::{DataUse, FindData, FoundFile, MissingData, Route};

pub use amazon::{LabelledCounts, ReviewDomain, amazon};
pub use catalogue::{DataSet, FileCheck, Input, LicenceTerms, Original, Output, Package, Recipe, Tool};
pub use command::{DataCommand, get, table};
pub use convert::{Convert, keep};
pub use error::{ConvertError, DataError, LoadError, ReadError};
pub use get::{GetOptions, Installed, clear_downloads, install};
pub use gt::{GtError, GtGraph, read_gt};
pub use heart::{HEART_COVARIATES, HeartSite, heart, read_heart_csv};
pub use images::{
    IdxImages, ImagePart, LabelledImages, mnist, mnist_5k, optdigits, read_idx_images, read_idx_labels,
    read_mnist_csv, usps,
};
pub use labels::{GroupLabels, LabelError, read_communities_json, read_groups_tsv};
pub use list::{list, select};
pub use npy::read_npy_bytes;
pub use office::{NamedFeatures, office};
pub use rated_texts::{RatedTexts, read_rated_tsv, sentiment_four_domains};
pub use search::{DataPath, cache_folder, open};
pub use series::{LabelledSeries, read_series_csv, ucr};
pub use sparse::{SvmlightTable, read_svmlight};
pub use texts::{LabelledTexts, Sst2Part, TextColumns, read_labelled_tsv, sst2};
