//! Singh, Ha, Yu, "Interpreting and improving deep-learning models with reality checks", 2022, and the papers
//! that the chapter sums up: CD and ACD (Singh, Murdoch, Yu, ICLR 2019) and CDEP (Rieger, Singh, Murdoch, Yu,
//! ICML 2020). TRIM and AWD have pages of their own.

#[cfg(feature = "interpret")]
mod adversarial;
#[cfg(feature = "interpret")]
mod authors;
mod claims;
#[cfg(feature = "interpret")]
mod colour;
#[cfg(feature = "interpret")]
mod decoy;
#[cfg(feature = "interpret")]
mod decoy_words;
#[cfg(feature = "interpret")]
mod networks;
#[cfg(feature = "interpret")]
mod penalties;
#[cfg(feature = "interpret")]
mod reader;
#[cfg(feature = "interpret")]
mod sentences;
#[cfg(feature = "interpret")]
mod variants;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "interpret"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "interpret")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "sentences", claims: &[claims::COMPOSITION], run: sentences::negated_sentences },
    Experiment { id: "decoy-words", claims: &[claims::DECOY_WORDS], run: decoy_words::decoys },
    Experiment { id: "articles", claims: &[claims::ARTICLES], run: decoy_words::articles },
    Experiment { id: "hierarchies", claims: &[claims::STABLE], run: adversarial::hierarchies },
    Experiment { id: "colour-glyphs", claims: &[claims::COLOUR_DRAWN], run: colour::small },
    Experiment { id: "colour-mnist", claims: &[claims::COLOUR_SMALL], run: colour::half_size },
    Experiment { id: "colour-cnn", claims: &[claims::COLOUR], run: colour::paper_size },
    Experiment { id: "networks", claims: &[claims::NETWORKS, claims::SUM], run: authors::networks },
    Experiment { id: "decoy-glyphs", claims: &[claims::DECOY_DRAWN], run: decoy::small },
    Experiment { id: "decoy-cnn", claims: &[claims::DECOY], run: decoy::convolutional },
];
